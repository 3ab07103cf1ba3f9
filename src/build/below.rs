//! What lies below a build: the host's own system, or root file systems made of Debian
//! packages: one to build on, with compilers, and a smaller one to run on. Pure.

use super::draft::Stop;
use super::fingerprint::Fingerprint;
use super::language::Kind;
use super::python;
use super::stack::{Suite, Wanted};
use super::toolchain::Toolchains;
use super::tree::Tree;
use super::version::Wanted as WantedVersion;
use crate::app::{Digest, Failure, Manifests};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Below {
    /// The machine's own `/usr`: it has no digest, and changes when the machine is upgraded.
    Host(Fingerprint),
    Debian {
        suite: Suite,
        run: Digest,
        build: Digest,
    },
}

/// What a Node.js of its makers, a wheel of PyPI and anything written in C++ are linked with,
/// and take for part of every system.
const TO_RUN: [&str; 2] = ["libatomic1", "libstdc++6"];
/// Python itself, and the same.
const TO_RUN_PYTHON: [&str; 3] = [TO_RUN[0], TO_RUN[1], "python3"];
/// What every Debian stack can build with; the same for all languages, so that one root
/// serves all apps.
const TO_BUILD: [&str; 6] =
    ["build-essential", "git", "pkg-config", "python3", "python3-dev", "python3-venv"];
/// The suite of an app that declares packages and no stack.
const USUAL: Suite = Suite::Debian13;

impl Default for Below {
    fn default() -> Self {
        Below::Host(Fingerprint::default())
    }
}

impl Below {
    /// `host`, `debian-12`
    pub fn name(&self) -> &'static str {
        match self {
            Below::Host(_) => "host",
            Below::Debian { suite, .. } => suite.name(),
        }
    }

    /// As a release keeps it: the digest of what it runs on, or the host's versions.
    pub fn fingerprint(&self) -> String {
        match self {
            Below::Host(fingerprint) => fingerprint.to_string(),
            Below::Debian { run, .. } => run.to_string(),
        }
    }

    /// The root a build runs on; `None` is the host.
    pub fn build_root(&self) -> Option<Digest> {
        match self {
            Below::Host(_) => None,
            Below::Debian { build, .. } => Some(*build),
        }
    }
}

impl std::fmt::Display for Below {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Below::Host(fingerprint) => write!(f, "host ({fingerprint})"),
            Below::Debian { suite, run, build } => {
                write!(f, "{suite} ({}; built on {})", run.short(), build.short())
            }
        }
    }
}

/// What lies below, the tools there are on it, and what to say about the choice.
pub struct Chosen {
    pub below: Below,
    pub available: Toolchains,
    pub warning: Option<String>,
}

pub fn choose(
    tree: &Tree,
    manifests: &Manifests,
    kinds: &[Kind],
    available: &Toolchains,
) -> Result<Chosen, Stop> {
    let (suite, warning) = suite(tree, manifests, kinds, available)?;
    let Some(suite) = suite else {
        let below = Below::Host(available.stack.clone());
        return Ok(Chosen { below, available: available.clone(), warning });
    };
    let root = |more: &[&str]| {
        let declared = manifests.packages();
        let names = declared.iter().map(String::as_str).chain(more.iter().copied());
        let wanted = Wanted::new(suite, names).map_err(Failure::usage)?;
        let found = available.roots.iter().find(|root| root.wanted == wanted);
        found.ok_or(Stop::NeedsStack(wanted))
    };
    let run = root(to_run(kinds))?;
    let build = if kinds == [Kind::Static] { run } else { root(&TO_BUILD)? };
    let below = Below::Debian { suite, run: run.digest, build: build.digest };
    Ok(Chosen { below, available: available.on(build), warning })
}

/// Beyond what is declared. A site is files, and xii serves them.
fn to_run(kinds: &[Kind]) -> &'static [&'static str] {
    match kinds {
        [Kind::Static] => &[],
        kinds if kinds.contains(&Kind::Python) => &TO_RUN_PYTHON,
        _ => &TO_RUN,
    }
}

/// The suite, or `None` for the host; with the reason, where nobody declared it.
fn suite(
    tree: &Tree,
    manifests: &Manifests,
    kinds: &[Kind],
    available: &Toolchains,
) -> Result<(Option<Suite>, Option<String>), Failure> {
    let packages = manifests.packages();
    match manifests.stack() {
        Some("host") if packages.is_empty() => return Ok((None, None)),
        Some("host") => return Ok((None, Some(on_host(&packages)))),
        Some(name) => return Ok((Some(name.parse().map_err(Failure::usage)?), None)),
        None => {}
    }
    let python = match kinds.contains(&Kind::Python) {
        true => python::wanted(tree)?,
        false => None,
    };
    if !available.makes_stacks {
        return Ok((None, (!packages.is_empty()).then(|| on_host(&packages))));
    }
    let of_python = python.and_then(with_python);
    if !packages.is_empty() {
        let suite = of_python.unwrap_or(USUAL);
        return Ok((Some(suite), Some(undeclared(suite, "system packages are declared"))));
    }
    match (python, of_python) {
        (Some(wanted), Some(suite)) if !python::is_here(tree, available)? => {
            let why = format!("Python {wanted} is not on this server and {suite} has it");
            Ok((Some(suite), Some(undeclared(suite, &why))))
        }
        _ => Ok((None, None)),
    }
}

/// Debian's own Python has the patch it has.
fn with_python(wanted: WantedVersion) -> Option<Suite> {
    let version = format!("{}.{}", wanted.major, wanted.minor?);
    let open = wanted.patch.is_none();
    Suite::ALL.into_iter().find(|suite| open && suite.python() == version)
}

fn undeclared(suite: Suite, why: &str) -> String {
    format!("no stack declared, taking {suite}: {why}; `stack = \"{suite}\"` in xii.toml keeps it")
}

fn on_host(packages: &[String]) -> String {
    let all = packages.join(" ");
    format!(
        "the stack is the host, which has to have the declared packages: `apt-get install {all}`, or `stack = \"{USUAL}\"` in xii.toml"
    )
}

#[cfg(test)]
#[path = "below_tests.rs"]
mod tests;
