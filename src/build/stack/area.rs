//! apt with folders of its own: what it knows and fetches stays in there, and what the host
//! has installed plays no part. Of the host's configuration it has what belongs to reaching
//! an archive: proxies, certificates, credentials, keys.

use super::super::files::{TmpDir, failed};
use super::sources::Archive;
use super::suite::Suite;
use crate::app::Failure;
use crate::keeper::Cancel;
use crate::sandbox::Env;
use crate::sandbox::private::{self, Tool};
use crate::sandbox::process::run_tool;
use crate::store::Home;
use std::fs;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

/// Of a tool that failed.
const LAST_LINES: usize = 15;

pub struct Area {
    tmp: TmpDir,
    /// Ends whatever runs here.
    pub cancel: Cancel,
}

impl Area {
    /// With the package lists of the suite, as they are now.
    pub fn open(
        home: &Home,
        archive: &Archive,
        suite: Suite,
        cancel: &Cancel,
        said: &mut dyn FnMut(&str),
    ) -> Result<Area, Failure> {
        let area = Area { tmp: TmpDir::new(&home.tmp(), "stack")?, cancel: cancel.clone() };
        for folder in ["lists/partial", "cache/archives/partial", "sources"] {
            let path = area.path(folder);
            fs::create_dir_all(&path).map_err(failed("make", &path))?;
        }
        area.write("status", "")?;
        area.write("apt.conf", &area.configuration(&host_options()?))?;
        said(&format!("asking the archive what {suite} has"));
        let first = area.update(archive, suite, true);
        if first.is_err() && suite.may_lack_updates() {
            return area.update(archive, suite, false).map(|()| area);
        }
        first.map(|()| area)
    }

    fn update(&self, archive: &Archive, suite: Suite, updates: bool) -> Result<(), Failure> {
        self.write("sources/debian.sources", &archive.sources(suite, updates)?)?;
        let ended = self.run(&["apt-get", "update", "-q", "--error-on=any"])?;
        match ended.code {
            0 => Ok(()),
            _ => Err(ended
                .failure(&format!("cannot read the package lists of {suite}"))
                .next("check that this host can reach its package archive: `apt-get update`")),
        }
    }

    fn configuration(&self, host: &str) -> String {
        let at = |folder: &str| self.path(folder).display().to_string();
        let own = [
            ("Dir::State", at("")),
            ("Dir::State::lists", at("lists")),
            // Empty, for nothing is installed here. apt's locks lie beside it.
            ("Dir::State::status", at("status")),
            ("Dir::State::extended_states", at("extended_states")),
            ("Dir::Cache", at("cache")),
            ("Dir::Etc::main", "/dev/null".into()),
            ("Dir::Etc::parts", "/dev/null".into()),
            ("Dir::Etc::sourcelist", "/dev/null".into()),
            ("Dir::Etc::sourceparts", at("sources")),
            ("Dir::Etc::preferences", "/dev/null".into()),
            ("Dir::Etc::preferencesparts", "/dev/null".into()),
            ("APT::Install-Recommends", "false".into()),
            ("APT::Install-Suggests", "false".into()),
            ("APT::Get::Assume-Yes", "true".into()),
            // The folder is root's alone, so another user could not fetch into it.
            ("APT::Sandbox::User", "root".into()),
            // Or apt takes itself for essential.
            ("pkgCacheGen::ForceEssential", ",".into()),
            ("pkgCacheGen::ForceImportant", ",".into()),
        ];
        let own = own.iter().map(|(name, value)| format!("{name} \"{value}\";\n"));
        format!("{host}{}", own.collect::<String>())
    }

    pub fn path(&self, below: &str) -> PathBuf {
        self.tmp.path().join(below)
    }

    fn write(&self, below: &str, text: &str) -> Result<(), Failure> {
        let path = self.path(below);
        fs::write(&path, text).map_err(failed("write", &path))
    }

    /// Runs one of apt's tools here; its lines are kept.
    pub fn run(&self, argv: &[&str]) -> Result<Ended, Failure> {
        let mut env = Env::default();
        env.set("APT_CONFIG", self.path("apt.conf").to_string_lossy());
        env.set("DEBIAN_FRONTEND", "noninteractive");
        run(argv, env, self.tmp.path(), &self.cancel)
    }
}

/// The host's own `Acquire` options, but for which indexes there are.
fn host_options() -> Result<String, Failure> {
    let output = run_tool("apt-config", &["dump"], b"").map_err(|error| {
        Failure::platform("a stack of Debian packages needs apt on this host")
            .because(error)
            .next("use `stack = \"host\"`, or install the package apt")
    })?;
    Ok(acquire_options(&String::from_utf8_lossy(&output.stdout)))
}

fn acquire_options(dump: &str) -> String {
    let left_out = ["Acquire::IndexTargets", "Acquire::Changelogs", "Acquire::Languages"];
    let kept = dump.lines().filter(|line| {
        line.starts_with("Acquire::") && !left_out.iter().any(|name| line.starts_with(name))
    });
    let kept: String = kept.map(|line| format!("{line}\n")).collect();
    format!("{kept}Acquire::Languages \"none\";\n")
}

pub struct Ended {
    pub code: i32,
    pub lines: Vec<String>,
}

impl Ended {
    /// With apt's own errors, or the last words where it has none.
    pub fn failure(&self, message: &str) -> Failure {
        let errors: Vec<&str> =
            self.lines.iter().map(String::as_str).filter(|line| line.starts_with("E: ")).collect();
        let last = self.lines.len().saturating_sub(LAST_LINES);
        let why = match errors.is_empty() {
            true => self.lines[last..].join("\n"),
            false => errors.join("\n"),
        };
        Failure::platform(message).why(why)
    }
}

/// Runs a tool as root, away from everybody else's mounts and processes.
pub fn run(argv: &[&str], mut env: Env, cwd: &Path, cancel: &Cancel) -> Result<Ended, Failure> {
    env.set("LC_ALL", "C");
    let argv: Vec<String> = argv.iter().map(|word| word.to_string()).collect();
    let mut lines = Vec::new();
    let tool = Tool { argv: &argv, env, cwd };
    let code = private::run(&tool, cancel.as_fd(), &mut |line| lines.push(line.to_string()));
    let code = code.map_err(|error| {
        Failure::platform(format!("cannot run `{}` apart from the host", argv[0]))
            .because(error)
            .next("it needs `unshare`, of the package util-linux")
    })?;
    match cancel.is_cancelled() {
        true => Err(Failure::platform("making the stack was cancelled")),
        false => Ok(Ended { code, lines }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_apt_locks_lies_in_a_folder_of_ours() {
        let dir = tempfile::tempdir().unwrap();
        let tmp = TmpDir::new(dir.path(), "stack").unwrap();
        let area = Area { tmp, cancel: Cancel::new().unwrap() };
        let text = area.configuration("");
        let ours = area.path("").display().to_string();
        let mut places = text
            .lines()
            .filter(|line| line.starts_with("Dir::State") || line.starts_with("Dir::Cache"));
        assert!(places.all(|line| line.contains(&ours)), "{text}");
    }

    #[test]
    fn proxies_and_certificates_of_the_host_are_kept_and_its_hooks_are_not() {
        let dump = "APT::Update::Post-Invoke:: \"rm -f /x\";\nAcquire \"\";\n\
                    Acquire::http::Proxy \"http://proxy:3128\";\n\
                    Acquire::https::CAInfo \"/etc/ca.crt\";\nAcquire::Languages:: \"de\";\n\
                    Acquire::IndexTargets::deb::DEP-11 \"\";\nDir \"/\";\n";
        assert_eq!(
            acquire_options(dump),
            "Acquire::http::Proxy \"http://proxy:3128\";\n\
             Acquire::https::CAInfo \"/etc/ca.crt\";\nAcquire::Languages \"none\";\n"
        );
    }
}
