//! The `host` stack has no digest: it is whatever is installed. Its fingerprint says which
//! versions lie below a build, so that a rollback can tell what changed below it since.

use crate::app::Digest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// Package → version, and `os`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint(pub BTreeMap<String, String>);

impl std::fmt::Display for Fingerprint {
    /// `libc6 2.36-9, os Debian 12`: pairs of package and version.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let pairs: Vec<String> =
            self.0.iter().map(|(name, version)| format!("{name} {version}")).collect();
        f.write_str(&pairs.join(", "))
    }
}

impl Fingerprint {
    /// Reads it from the files of the system at `root` (`/`).
    pub fn of_host(root: &Path) -> Self {
        let read = |path: &str| std::fs::read_to_string(root.join(path)).unwrap_or_default();
        let mut found = packages(&read("var/lib/dpkg/status"));
        if found.is_empty() {
            found = libc_files(root);
        }
        if let Some(os) = os_name(&read("etc/os-release")) {
            found.insert("os".to_string(), os);
        }
        Fingerprint(found)
    }

    /// `host python3.11 deb12u3 → deb12u4`, one entry for each difference.
    pub fn describe_change(&self, new: &Fingerprint) -> Vec<String> {
        let names: std::collections::BTreeSet<_> = self.0.keys().chain(new.0.keys()).collect();
        names
            .into_iter()
            .filter_map(|name| change(name, self.0.get(name), new.0.get(name)))
            .collect()
    }
}

impl std::fmt::Display for Fingerprint {
    /// `libc6 2.36-9+deb12u10, os debian 12 (bookworm)`
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts = self.0.iter().map(|(name, version)| format!("{name} {version}"));
        f.write_str(&parts.collect::<Vec<_>>().join(", "))
    }
}

impl std::str::FromStr for Fingerprint {
    type Err = std::convert::Infallible;

    /// As printed; what is not a name and a version is passed over.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let part = |part: &str| part.split_once(' ').map(|(n, v)| (n.to_string(), v.to_string()));
        Ok(Fingerprint(text.split(", ").filter_map(part).collect()))
    }
}

fn change(name: &str, old: Option<&String>, new: Option<&String>) -> Option<String> {
    match (old, new) {
        (Some(old), Some(new)) if old != new => {
            let (old, new) = shorten(old, new);
            Some(format!("host {name} {old} → {new}"))
        }
        (Some(old), None) => Some(format!("host {name} {old} → removed")),
        (None, Some(new)) => Some(format!("host {name} added: {new}")),
        _ => None,
    }
}

/// Debian's updates differ after the last `+` only: `3.11.2-6+deb12u3`.
fn shorten<'a>(old: &'a str, new: &'a str) -> (&'a str, &'a str) {
    match (old.rsplit_once('+'), new.rsplit_once('+')) {
        (Some((base, old)), Some((same, new))) if base == same => (old, new),
        _ => (old, new),
    }
}

/// What programs of other packages are linked against, or run by.
fn matters(package: &str) -> bool {
    let python =
        package.strip_prefix("python3.").is_some_and(|n| n.bytes().all(|b| b.is_ascii_digit()));
    let exact = ["libc6", "libstdc++6", "zlib1g", "nodejs"].contains(&package);
    exact || python || package.starts_with("libssl") && !package.ends_with("-dev")
}

/// dpkg's status file: paragraphs of `Field: value`.
fn packages(status: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for paragraph in status.split("\n\n") {
        let field = |name: &str| {
            let of = |line: &'_ str| {
                line.strip_prefix(name)?.strip_prefix(':').map(|v| v.trim().to_string())
            };
            paragraph.lines().find_map(of)
        };
        let (Some(package), Some(version)) = (field("Package"), field("Version")) else { continue };
        if !matters(&package) || !field("Status").is_some_and(|s| s.ends_with(" installed")) {
            continue;
        }
        let foreign = found.contains_key(&package);
        let architecture = field("Architecture").filter(|_| foreign);
        let name = architecture.map(|a| format!("{package}:{a}")).unwrap_or(package);
        found.insert(name, version);
    }
    found
}

/// Without dpkg: the C library by its content.
fn libc_files(root: &Path) -> BTreeMap<String, String> {
    ["usr/lib64/libc.so.6", "usr/lib/libc.so.6", "lib/ld-musl-x86_64.so.1"]
        .into_iter()
        .filter_map(|path| {
            Some((path.to_string(), Digest::of(&std::fs::read(root.join(path)).ok()?).short()))
        })
        .collect()
}

fn os_name(os_release: &str) -> Option<String> {
    let field = |name: &str| {
        let of = |line: &'_ str| {
            Some(line.strip_prefix(name)?.strip_prefix('=')?.trim_matches('"').to_string())
        };
        os_release.lines().find_map(of)
    };
    let version = field("VERSION").or_else(|| field("VERSION_ID"))?;
    // A comma ends an entry of a printed fingerprint.
    Some(format!("{} {}", field("ID")?, version.replace(',', "")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn printing_and_parsing_again_is_the_identity(
            found in prop::collection::btree_map("[a-z0-9.+-]{1,8}", "[a-z0-9.+~:()-]{1,8}( [a-z()]{1,4})?", 0..6)
        ) {
            let fingerprint = Fingerprint(found);
            prop_assert_eq!(fingerprint.to_string().parse::<Fingerprint>(), Ok(fingerprint));
        }
    }

    const STATUS: &str = "Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nVersion: 2.36-9+deb12u10\n\n\
        Package: libc6\nStatus: install ok installed\nArchitecture: i386\nVersion: 2.36-9+deb12u10\n\n\
        Package: python3.11\nStatus: install ok installed\nVersion: 3.11.2-6+deb12u3\n\n\
        Package: python3.10\nStatus: deinstall ok config-files\nVersion: 3.10.1\n\n\
        Package: vim\nStatus: install ok installed\nVersion: 9\n";

    #[test]
    fn installed_packages_that_matter_are_found() {
        let found = packages(STATUS);
        let names: Vec<_> = found.keys().map(String::as_str).collect();
        assert_eq!(names, ["libc6", "libc6:i386", "python3.11"]);
    }

    #[test]
    fn a_change_is_told_in_the_words_of_the_packages() {
        let old = Fingerprint(packages(STATUS));
        let new = Fingerprint(packages(&STATUS.replace("6+deb12u3", "6+deb12u4")));
        assert_eq!(old.describe_change(&new), ["host python3.11 deb12u3 → deb12u4"]);
        assert!(old.describe_change(&old).is_empty());
        let none = Fingerprint::default();
        assert_eq!(old.describe_change(&none)[2], "host python3.11 3.11.2-6+deb12u3 → removed");
    }

    #[test]
    fn the_operating_system_is_named() {
        let os = os_name("NAME=\"Debian GNU/Linux\"\nVERSION=\"12 (bookworm)\"\nID=debian\n");
        assert_eq!(os.as_deref(), Some("debian 12 (bookworm)"));
    }

    #[test]
    fn a_system_without_dpkg_still_has_one() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("usr/lib64")).unwrap();
        std::fs::write(root.path().join("usr/lib64/libc.so.6"), "one").unwrap();
        let old = Fingerprint::of_host(root.path());
        std::fs::write(root.path().join("usr/lib64/libc.so.6"), "two").unwrap();
        assert_eq!(old.describe_change(&Fingerprint::of_host(root.path())).len(), 1);
    }
}
