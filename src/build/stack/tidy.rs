//! What making a root leaves behind and two makes would differ in, or what nobody may have in
//! a stack: logs, caches, this host's name and resolver, devices, privileges.

use super::super::files::{self, failed};
use super::record::Package;
use crate::app::Failure;
use crate::sandbox::User;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Gone, whatever they are.
const REMOVED: [&str; 23] = [
    "etc/.pwd.lock",
    "etc/apt/apt.conf.d/99mmdebstrap",
    "etc/apt/sources.list",
    "etc/dpkg/dpkg.cfg.d/99mmdebstrap",
    "etc/group-",
    "etc/gshadow-",
    "etc/hostname",
    "etc/machine-id",
    "etc/passwd-",
    "etc/resolv.conf",
    "etc/shadow-",
    "etc/subgid-",
    "etc/subuid-",
    "var/lib/apt/extended_states",
    "var/lib/apt/lists",
    "var/lib/dbus/machine-id",
    "var/lib/dpkg/available",
    "var/lib/dpkg/diversions-old",
    "var/lib/dpkg/lock",
    "var/lib/dpkg/lock-frontend",
    "var/lib/dpkg/statoverride-old",
    "var/lib/dpkg/status-old",
    "var/lib/systemd/random-seed",
];

/// Whose files go; the folders stay.
const EMPTIED: [&str; 3] = ["var/cache", "var/log", "var/backups"];

/// Everything in them goes: a sandbox has its own.
const CLEARED: [&str; 8] = ["dev", "proc", "sys", "run", "tmp", "root", "home", "var/tmp"];

/// Afterwards the tree is root's, with plain modes and without devices. Gives back the bytes
/// of its files.
pub fn tidy(root: &Path) -> Result<u64, Failure> {
    for path in REMOVED {
        files::remove(&root.join(path))?;
    }
    for folder in EMPTIED.map(|folder| root.join(folder)) {
        if folder.is_dir() {
            files::walk(&folder, &mut |path, meta| {
                if !meta.is_dir() {
                    fs::remove_file(path).map_err(failed("remove", path))?;
                }
                Ok(true)
            })?;
        }
    }
    for folder in CLEARED.map(|folder| root.join(folder)) {
        for path in super::record::entries(&folder)? {
            files::remove(&path)?;
        }
    }
    files::give_to(root, &User { uid: 0, gid: 0 })?;
    Ok(files::make_plain(root)?.bytes)
}

/// The packages dpkg says are there must be those that were asked for, no more and no less.
pub fn check(root: &Path, packages: &BTreeMap<String, Package>) -> Result<(), Failure> {
    let path = root.join("var/lib/dpkg/status");
    let status = fs::read_to_string(&path).map_err(failed("read", &path))?;
    let found = installed(&status);
    let wanted: BTreeMap<String, String> =
        packages.iter().map(|(name, package)| (name.clone(), package.version.clone())).collect();
    let odd = super::record::changes(&wanted, &found);
    match odd.is_empty() {
        true => Ok(()),
        false => {
            let odd: Vec<String> = odd.iter().take(5).map(ToString::to_string).collect();
            Err(Failure::internal("the root does not have the packages it was made of")
                .why(odd.join(", ")))
        }
    }
}

/// dpkg's status file: name → version of what is installed.
fn installed(status: &str) -> BTreeMap<String, String> {
    let paragraph = |paragraph: &str| {
        let field = |name: &str| {
            let line = paragraph.lines().find_map(|line| line.strip_prefix(name));
            line.map(|value| value.trim().to_string())
        };
        let is_there = field("Status:")? == "install ok installed";
        is_there.then_some((field("Package:")?, field("Version:")?))
    };
    status.split("\n\n").filter_map(paragraph).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn what_two_makes_differ_in_goes_and_privileges_are_taken() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        for file in [
            "etc/hostname",
            "etc/passwd",
            "var/log/apt/history.log",
            "var/cache/ldconfig/aux-cache",
            "dev/null",
            "tmp/x",
            "usr/bin/su",
        ] {
            fs::create_dir_all(root.join(file).parent().unwrap()).unwrap();
            fs::write(root.join(file), "x").unwrap();
        }
        let su = root.join("usr/bin/su");
        fs::set_permissions(&su, fs::Permissions::from_mode(0o4755)).unwrap();
        if !rustix::process::geteuid().is_root() {
            eprintln!("SKIP what_two_makes_differ_in_goes_and_privileges_are_taken: needs root");
            return;
        }
        assert_eq!(tidy(root).unwrap(), 2);
        assert!(root.join("etc/passwd").exists() && root.join("var/log/apt").is_dir());
        assert!(!root.join("etc/hostname").exists() && !root.join("tmp/x").exists());
        assert!(!root.join("var/cache/ldconfig/aux-cache").exists());
        assert_eq!(fs::metadata(&su).unwrap().permissions().mode() & 0o7777, 0o755);
    }

    #[test]
    fn only_what_is_installed_counts_as_being_there() {
        let status = "Package: a\nStatus: install ok installed\nVersion: 1:2-3\n\n\
                      Package: b\nStatus: deinstall ok config-files\nVersion: 1\n\n";
        assert_eq!(installed(status), BTreeMap::from([("a".into(), "1:2-3".into())]));
    }
}
