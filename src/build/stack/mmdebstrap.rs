//! From packages to a root file system: mmdebstrap, the host's or one that is only unpacked.
//! It reads the packages it is given and nothing else, so it needs no network.

use super::super::files::{TmpDir, failed};
use super::area::{self, Area, Ended};
use super::record::Package;
use super::suite::Suite;
use super::{index, packages};
use crate::app::Failure;
use crate::keeper::Cancel;
use crate::sandbox::Env;
use crate::store::Home;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Whatever packages write down a time, they write this one.
const EPOCH: &str = "1700000000";

/// Where a distribution has it.
const INSTALLED: [&str; 2] = ["/usr/bin/mmdebstrap", "/usr/local/bin/mmdebstrap"];
const PERL: &str = "/usr/bin/perl";

/// Sees to it that there is one: on the host, or its package among the kept ones. Nothing is
/// installed.
pub fn at_hand(home: &Home, area: &Area, said: &mut dyn FnMut(&str)) -> Result<(), Failure> {
    if installed().is_some() || package(home).exists() {
        return Ok(());
    }
    said("fetching mmdebstrap; it is not installed, only used");
    let argv = ["apt-get", "download", "-q", "mmdebstrap"];
    let ended = area.run(&argv)?;
    let fetched = super::record::entries(&area.path(""))?
        .into_iter()
        .find(|path| path.extension().is_some_and(|extension| extension == "deb"));
    let Some(fetched) = fetched.filter(|_| ended.code == 0) else {
        return Err(ended
            .failure("a stack of Debian packages is made with mmdebstrap, which cannot be fetched")
            .next("apt-get install mmdebstrap"));
    };
    let (place, folder) = (package(home), packages::folder(home));
    fs::create_dir_all(&folder).map_err(failed("make", &folder))?;
    fs::File::open(&fetched).and_then(|file| file.sync_all()).map_err(failed("sync", &fetched))?;
    fs::rename(&fetched, &place).map_err(failed("keep", &fetched))
}

fn installed() -> Option<PathBuf> {
    INSTALLED.map(PathBuf::from).into_iter().find(|path| path.is_file())
}

fn package(home: &Home) -> PathBuf {
    packages::folder(home).join("mmdebstrap.deb")
}

/// The program, unpacked into `tmp` where it is not installed.
fn program(home: &Home, tmp: &Path, cancel: &Cancel) -> Result<PathBuf, Failure> {
    if !Path::new(PERL).exists() {
        return Err(Failure::platform(
            "a stack of Debian packages is made with mmdebstrap, a Perl program",
        )
        .why(format!("there is no {PERL} on this host"))
        .next("apt-get install perl, or use `stack = \"host\"`"));
    }
    if let Some(installed) = installed() {
        return Ok(installed);
    }
    let package = package(home);
    if !package.exists() {
        return Err(Failure::platform("mmdebstrap is neither installed nor kept here")
            .next("apt-get install mmdebstrap"));
    }
    let to = tmp.join("mmdebstrap");
    let argv = ["dpkg-deb", "-x", &package.to_string_lossy(), &to.to_string_lossy()];
    let ended = area::run(&argv, Env::default(), tmp, cancel)?;
    match ended.code {
        0 => Ok(to.join("usr/bin/mmdebstrap")),
        _ => Err(ended
            .failure("the kept package of mmdebstrap cannot be unpacked")
            .next(format!("remove {}", package.display()))),
    }
}

/// Makes a root of exactly these packages at `tmp/root`.
pub fn run(
    home: &Home,
    suite: Suite,
    packages: &BTreeMap<String, Package>,
    tmp: &TmpDir,
    cancel: &Cancel,
    said: &mut dyn FnMut(&str),
) -> Result<PathBuf, Failure> {
    let program = program(home, tmp.path(), cancel)?;
    let (repository, root) = (tmp.path().join("packages"), tmp.path().join("root"));
    for folder in [&repository, &root, &tmp.path().join("work")] {
        fs::create_dir_all(folder).map_err(failed("make", folder))?;
    }
    packages::lay_out(home, packages, &repository)?;
    index::write(suite, packages, &repository)?;
    let hook = suite.needs_merged_folders().then(|| merged_folders(tmp.path())).transpose()?;
    let names: Vec<&str> = packages.keys().map(String::as_str).collect();
    let mut argv = vec![program.display().to_string()];
    argv.extend(OPTIONS.map(String::from));
    argv.push(format!("--include={}", names.join(",")));
    argv.extend(hook.map(|hook| format!("--setup-hook={}", hook.display())));
    argv.push(suite.codename().to_string());
    argv.push(root.display().to_string());
    argv.push(format!("deb [trusted=yes] copy:{} ./", repository.display()));
    let argv: Vec<&str> = argv.iter().map(String::as_str).collect();
    said(&format!("making a root file system of {} packages", packages.len()));
    let ended = area::run(&argv, environment(tmp), tmp.path(), cancel)?;
    match ended.code {
        0 => Ok(root),
        _ => Err(broken(&ended, suite)),
    }
}

const OPTIONS: [&str; 6] = [
    "--mode=root",
    "--format=directory",
    // What Debian calls essential and what is named, without apt itself.
    "--variant=essential",
    // A root under construction that a power cut hits is thrown away.
    "--dpkgopt=force-unsafe-io",
    "--skip=check/qemu,check/signed-by",
    "--aptopt=Acquire::Languages \"none\"",
];

fn environment(tmp: &TmpDir) -> Env {
    let mut env = Env::default();
    env.set("SOURCE_DATE_EPOCH", EPOCH);
    env.set("PYTHONHASHSEED", "0");
    env.set("TMPDIR", tmp.path().join("work").to_string_lossy());
    env.set("HOME", "/root");
    env
}

/// Before Debian 13 `/bin` and its like are made links by nobody's package.
fn merged_folders(tmp: &Path) -> Result<PathBuf, Failure> {
    use std::os::unix::fs::PermissionsExt;
    let hook = tmp.join("merged-folders");
    let text = "#!/bin/sh\nset -e\nfolders='bin sbin lib'\n\
                case $(dpkg --print-architecture) in amd64|ppc64el|loong64) folders=\"$folders lib64\";; esac\n\
                for folder in $folders; do\n\
                mkdir -p \"$1/usr/$folder\"\nln -s \"usr/$folder\" \"$1/$folder\"\ndone\n";
    fs::write(&hook, text).map_err(failed("write", &hook))?;
    fs::set_permissions(&hook, fs::Permissions::from_mode(0o755))
        .map_err(failed("change", &hook))?;
    Ok(hook)
}

fn broken(ended: &Ended, suite: Suite) -> Failure {
    let failure = ended.failure(&format!("the packages of {suite} do not make a root file system"));
    match ended.lines.iter().any(|line| line.starts_with("Can't locate ")) {
        true => failure.next("Perl is not complete on this host: apt-get install perl"),
        false => failure,
    }
}
