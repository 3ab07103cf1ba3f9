//! Which Pythons there are on this machine: the stack's own, and those on the server's PATH.
//!
//! Finding reads files only. A Python of the stack is believed after it has run inside a
//! sandbox (`probe`); one of the server's is copied first, for a live home is never bound,
//! and believed after the copy has run.

use super::exec::{Confined, Exec};
use super::fingerprint::Fingerprint;
use super::version::{Version, Wanted};
use crate::app::Failure;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Where a copied toolchain is mounted: `/opt/xii/python-3.12.1`.
pub const MOUNTS: &str = "/opt/xii";
/// Older ones cannot write the hash-based bytecode that makes builds repeatable.
const OLDEST: Version = Version { major: 3, minor: 7, patch: 0 };

/// What builds of this machine can choose from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Toolchains {
    pub stack: Fingerprint,
    pub pythons: Vec<Python>,
    /// Found, but not usable: `/usr/bin/python3.11` → why.
    pub unusable: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Python {
    pub version: Version,
    pub origin: Origin,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// Part of the stack, used where it is.
    Stack { exe: PathBuf },
    /// Below this prefix on the server; copied into `stacks/<digest>`. The stamp changes when
    /// the installation does.
    Server { prefix: PathBuf, stamp: String },
}

impl Python {
    /// `/opt/xii/python-3.12.1` for a copied one.
    pub fn mount(&self) -> Option<PathBuf> {
        match &self.origin {
            Origin::Stack { .. } => None,
            Origin::Server { .. } => Some(format!("{MOUNTS}/python-{}", self.version).into()),
        }
    }

    /// The interpreter as a sandbox sees it.
    pub fn exe(&self) -> PathBuf {
        match (&self.origin, self.mount()) {
            (Origin::Server { .. }, Some(mount)) => mount.join("bin").join(self.exe_name()),
            (Origin::Stack { exe }, _) => exe.clone(),
            (Origin::Server { prefix, .. }, None) => prefix.join("bin").join(self.exe_name()),
        }
    }

    /// `python3.12`
    pub fn exe_name(&self) -> String {
        format!("python{}.{}", self.version.major, self.version.minor)
    }
}

impl std::fmt::Display for Python {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.origin {
            Origin::Stack { exe } => write!(f, "{} (stack host, {})", self.version, exe.display()),
            Origin::Server { prefix, .. } => {
                write!(f, "{} (this server's PATH, {})", self.version, prefix.display())
            }
        }
    }
}

impl Toolchains {
    /// All that lies on this machine; `path` is the server's PATH. The stack's own come first.
    pub fn find(path: &str) -> Self {
        let host = Path::new("/");
        let mut pythons = stack_pythons(host);
        pythons.extend(super::on_path::pythons(path));
        pythons.retain(|python| python.version >= OLDEST);
        Toolchains { stack: Fingerprint::of_host(host), pythons, unusable: BTreeMap::new() }
    }

    /// Runs the stack's Pythons in a sandbox and drops those that cannot make a venv.
    pub fn probe(mut self, exec: &mut Exec<'_>) -> Result<Self, Failure> {
        let mut usable = Vec::new();
        for mut python in std::mem::take(&mut self.pythons) {
            let Origin::Stack { exe } = &python.origin else {
                usable.push(python);
                continue;
            };
            match run_python(exe, exec)? {
                Ok(version) => {
                    python.version = version;
                    usable.push(python);
                }
                Err(why) => {
                    self.unusable.insert(exe.display().to_string(), why);
                }
            }
        }
        self.pythons = usable;
        Ok(self)
    }

    /// The declared version → the stack's own → the newest one of the server.
    pub fn choose(&self, wanted: Option<Wanted>) -> Option<&Python> {
        let fits = |python: &&Python| wanted.is_none_or(|wanted| wanted.accepts(python.version));
        let of_stack = |python: &&Python| matches!(python.origin, Origin::Stack { .. });
        self.pythons.iter().filter(fits).max_by_key(|python| (of_stack(python), python.version))
    }
}

/// Imports what a venv and pip need, and says its version.
pub const SELF_TEST: &str = "import ensurepip, platform, ssl, venv, zlib; ensurepip.version(); print(platform.python_version())";

fn run_python(exe: &Path, exec: &mut Exec<'_>) -> Result<Result<Version, String>, Failure> {
    let mut output = Vec::new();
    let argv = [exe.display().to_string(), "-I".into(), "-c".into(), SELF_TEST.into()];
    let command = Confined::new(argv.to_vec());
    let exit = exec(&command, &mut |line| output.push(line.to_string()))?;
    let last = output.last().cloned().unwrap_or_default();
    if exit != 0 {
        return Ok(Err(last));
    }
    Ok(last.parse().map_err(|_| format!("it calls itself version {last:?}")))
}

/// `/usr/bin/python3.N`, and the same below `/usr/local`: both are part of the stack `host`.
fn stack_pythons(root: &Path) -> Vec<Python> {
    let mut found = Vec::new();
    for folder in ["usr/bin", "usr/local/bin"] {
        for minor in 0..100 {
            let path = format!("{folder}/python3.{minor}");
            if root.join(&path).is_file() {
                let version = Version { major: 3, minor, patch: 0 };
                let exe = Path::new("/").join(path);
                found.push(Python { version, origin: Origin::Stack { exe } });
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_stack(version: &str) -> Python {
        let exe = PathBuf::from("/usr/bin/python3");
        Python { version: version.parse().unwrap(), origin: Origin::Stack { exe } }
    }

    fn of_server(version: &str) -> Python {
        let origin = Origin::Server { prefix: "/srv/py".into(), stamp: "1".into() };
        Python { version: version.parse().unwrap(), origin }
    }

    fn chosen(wanted: Option<&str>) -> Option<String> {
        let pythons =
            vec![of_stack("3.11.2"), of_server("3.11.7"), of_server("3.13.0"), of_server("3.12.1")];
        let toolchains = Toolchains { pythons, ..Toolchains::default() };
        toolchains.choose(wanted.map(|w| w.parse().unwrap())).map(|p| p.version.to_string())
    }

    #[test]
    fn the_declared_version_decides_then_the_stack_then_the_newest() {
        assert_eq!(chosen(None).as_deref(), Some("3.11.2"));
        assert_eq!(chosen(Some("3.11")).as_deref(), Some("3.11.2"));
        assert_eq!(chosen(Some("3.11.7")).as_deref(), Some("3.11.7"));
        assert_eq!(chosen(Some("3.12")).as_deref(), Some("3.12.1"));
        assert_eq!(chosen(Some("3.14")), None);
    }

    #[test]
    fn a_stack_python_without_venv_is_dropped_with_its_own_words() {
        let found = Toolchains {
            pythons: vec![of_stack("3.11.0"), of_server("3.12.1")],
            ..Toolchains::default()
        };
        let mut broken = |_: &Confined, line: &mut dyn FnMut(&str)| {
            line("ModuleNotFoundError: No module named 'ensurepip'");
            Ok(1)
        };
        let probed = found.probe(&mut broken).unwrap();
        assert_eq!(probed.pythons, [of_server("3.12.1")]);
        assert_eq!(
            probed.unusable["/usr/bin/python3"],
            "ModuleNotFoundError: No module named 'ensurepip'"
        );
    }

    #[test]
    fn a_stack_python_is_asked_for_its_version() {
        let found = Toolchains { pythons: vec![of_stack("3.11.0")], ..Toolchains::default() };
        let mut answers = |_: &Confined, line: &mut dyn FnMut(&str)| {
            line("3.11.2");
            Ok(0)
        };
        assert_eq!(found.probe(&mut answers).unwrap().pythons, [of_stack("3.11.2")]);
    }

    #[test]
    fn a_copied_python_is_named_by_its_place_in_the_sandbox() {
        assert_eq!(of_server("3.12.1").exe(), Path::new("/opt/xii/python-3.12.1/bin/python3.12"));
    }
}
