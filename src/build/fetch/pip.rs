//! uv, Poetry and Pipenv: each is a package of the Python registry, installed into a venv of
//! its own, at the place where it is mounted later.

use super::super::exec::{Confined, Exec};
use super::super::files::{self, failed};
use super::super::plan::digest_of;
use super::super::python::{COMPILE, made_with};
use super::super::tool::{Origin, Tool, ToolName, Wish};
use super::super::version::Version;
use super::super::{environment, hint, stacks};
use super::Fetch;
use crate::app::Failure;
use crate::sandbox::{Mount, Root, User};
use std::fs;
use std::path::{Path, PathBuf};

/// Of a failed installation's output.
const LAST_LINES: usize = 8;

pub fn fetch(
    request: &Fetch<'_>,
    exec: &mut Exec<'_>,
    said: &mut dyn FnMut(&str),
) -> Result<Tool, Failure> {
    let Fetch { home, wish, user, .. } = *request;
    let python =
        wish.with.as_deref().ok_or_else(|| Failure::internal("no Python to fetch with"))?;
    let mounted = stacks::ready(home, python, user, exec, said)?;
    let mounted = mounted.iter().map(|mounted| mounted.mount(home)).collect();
    let mut kitchen =
        Kitchen { python, mounted, below: stacks::root(home, wish.on.as_ref()), user, exec, said };
    // The place is named by the version, and a range is known only by trying.
    let version = match wish.version.parse() {
        Ok(version) => version,
        Err(_) => kitchen.newest(home, wish)?,
    };
    let exact = Wish { version: version.to_string(), declared_by: None, ..wish.clone() };
    let made_with = made_with(wish.name, python);
    let mut tool = Tool {
        name: wish.name,
        version,
        origin: Origin::Registry { digest: digest_of(&exact), made_with: made_with.clone() },
    };
    let key = digest_of(&("fetched", FORMAT, wish.name, version, &made_with));
    let digest = stacks::make(home, &key, |root| kitchen.install(&tool, root))?;
    tool.origin = Origin::Registry { digest, made_with };
    Ok(tool)
}

/// Raised when other bytes are made from the same wish.
const FORMAT: u32 = 1;

struct Kitchen<'a, 'e, 's> {
    python: &'a Tool,
    mounted: Vec<Mount>,
    below: Root,
    user: Option<&'a User>,
    exec: &'a mut Exec<'e>,
    said: &'a mut (dyn FnMut(&str) + 's),
}

impl Kitchen<'_, '_, '_> {
    /// The newest version in a range, by what pip would install.
    fn newest(&mut self, home: &crate::store::Home, wish: &Wish) -> Result<Version, Failure> {
        let tmp = files::TmpDir::new(&home.tmp(), "toolchain")?;
        let root = tmp.path().join("root");
        let target = PathBuf::from("/opt/xii/wanted");
        let name = wish.name.slug();
        self.venv(&root, &target)?;
        let package = format!("{name}{}", wish.version);
        self.pip(&root, &target, &["--no-deps", &package])?;
        let found = installed(&root, name);
        found.ok_or_else(|| Failure::app(format!("{wish} is not a version xii can name")))
    }

    fn install(&mut self, tool: &Tool, root: &Path) -> Result<(), Failure> {
        let target = tool.mount().unwrap_or_default();
        let name = tool.name.slug();
        self.venv(root, &target)?;
        self.pip(root, &target, &[&format!("{name}=={}", tool.version)])?;
        let exe = tool.exe().display().to_string();
        self.run(root, &target, &[&exe, "--version"])?;
        if tool.name != ToolName::Uv {
            self.compile(root, &target)?;
        }
        if self.user.is_some() {
            files::give_to(root, &User { uid: 0, gid: 0 })?;
        }
        files::remove(&root.join("tmp"))?;
        only(tool.name, root)?;
        files::make_plain(root).map(drop)
    }

    fn venv(&mut self, root: &Path, target: &Path) -> Result<(), Failure> {
        let tmp = root.join("tmp");
        fs::create_dir_all(&tmp).map_err(failed("make", &tmp))?;
        if let Some(user) = self.user {
            files::give_to(root, user)?;
        }
        let exe = self.python.exe().display().to_string();
        self.run(root, target, &[&exe, "-m", "venv", &target.display().to_string()])
    }

    fn pip(&mut self, root: &Path, target: &Path, what: &[&str]) -> Result<(), Failure> {
        let pip = target.join("bin/pip").display().to_string();
        let words = [
            &pip,
            "install",
            "--only-binary",
            ":all:",
            "--no-compile",
            "--no-cache-dir",
            "--progress-bar",
            "off",
            "-q",
        ];
        self.run(root, target, &[&words[..], what].concat())
    }

    /// It is read-only later, and would be compiled anew each time it is called.
    fn compile(&mut self, root: &Path, target: &Path) -> Result<(), Failure> {
        let python = target.join("bin/python").display().to_string();
        let library = target.join("lib").display().to_string();
        let script = format!("{python} {} {library} || true", COMPILE.join(" "));
        self.run(root, target, &["sh", "-ec", &script])
    }

    fn run(&mut self, root: &Path, target: &Path, argv: &[&str]) -> Result<(), Failure> {
        let mut command = Confined::new(argv.iter().map(|word| word.to_string()).collect());
        command.env = environment::of_a_build(std::slice::from_ref(self.python));
        let tmp = target.join("tmp").display().to_string();
        command.env.extend([("TMPDIR", &tmp), ("HOME", &tmp)].map(|(k, v)| (k.into(), v.clone())));
        command.root = self.below.clone();
        command.mounts = self.mounted.clone();
        let (source, target) = (root.to_path_buf(), target.to_path_buf());
        command.mounts.push(Mount::ReadWrite { source, target });
        let mut last: Vec<String> = Vec::new();
        let said = &mut *self.said;
        let exit = (self.exec)(&command, &mut |line| {
            said(line);
            last.push(line.to_string());
            if last.len() > LAST_LINES {
                last.remove(0);
            }
        })?;
        if exit == 0 {
            return Ok(());
        }
        let failure = Failure::app(format!("`{}` failed: exit code {exit}", argv.join(" ")))
            .why(last.join("\n"));
        Err(match hint::for_output(&last) {
            Some(hint) => failure.next(hint),
            None => failure,
        })
    }
}

/// What the package manager needs when it works: uv is one program; of a venv all but pip,
/// and nothing that was compiled for its own time.
fn only(name: ToolName, root: &Path) -> Result<(), Failure> {
    if name == ToolName::Uv {
        keep(root, &|name| name == "bin")?;
        return keep(&root.join("bin"), &|name| name == "uv");
    }
    // On PATH before the app's own Python stands only what the tool is called by.
    let kept = ["python", "python3", name.slug()];
    keep(&root.join("bin"), &|name| kept.contains(&name) || name.starts_with("python3."))
}

/// Removes all but these names from a folder. What was installed has run here as a stranger: a
/// link in the folder's place is left alone, for it leads to files of the host.
fn keep(folder: &Path, wanted: &dyn Fn(&str) -> bool) -> Result<(), Failure> {
    files::walk(folder, &mut |path, _| {
        if path == folder {
            return Ok(true);
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if !wanted(&name) {
            files::remove(path)?;
        }
        Ok(false)
    })
}

/// Which version of a package lies in a venv.
fn installed(root: &Path, name: &str) -> Option<Version> {
    let entries = |path: PathBuf| fs::read_dir(path).into_iter().flatten().flatten();
    let sites = entries(root.join("lib")).map(|entry| entry.path().join("site-packages"));
    sites.flat_map(entries).find_map(|entry| {
        let found = entry.file_name().into_string().ok()?;
        let version =
            found.strip_suffix(".dist-info")?.strip_prefix(&format!("{name}-"))?.to_string();
        let missing = 2_usize.saturating_sub(version.matches('.').count());
        format!("{version}{}", ".0".repeat(missing)).parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_in_place_of_a_folder_costs_the_host_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let (host, root) = (dir.path().join("host"), dir.path().join("root"));
        for (folder, file) in [(&host, "tool"), (&root, "junk")] {
            fs::create_dir(folder).unwrap();
            fs::write(folder.join(file), "").unwrap();
        }
        std::os::unix::fs::symlink(&host, root.join("bin")).unwrap();
        only(ToolName::Uv, &root).unwrap();
        only(ToolName::Poetry, &root).unwrap();
        assert!(host.join("tool").exists() && !root.join("junk").exists());
        fs::remove_file(root.join("bin")).unwrap();
        fs::create_dir(root.join("bin")).unwrap();
        for name in ["pip", "poetry", "python3.11"] {
            fs::write(root.join("bin").join(name), "").unwrap();
        }
        only(ToolName::Poetry, &root).unwrap();
        let left = |name: &str| root.join("bin").join(name).exists();
        assert!(left("poetry") && left("python3.11") && !left("pip"));
    }
}
