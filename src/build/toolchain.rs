//! Which tools builds of this machine can choose from: the stack's own, those on the server's
//! PATH, those that were fetched.
//!
//! Finding reads files only. A Python of the stack is believed after it has run inside a
//! sandbox (`probe`); one of the server's is copied first, for a live home is never bound,
//! and believed after the copy has run.

use super::exec::{Confined, Exec};
use super::fingerprint::Fingerprint;
use super::stack::Root;
use super::tool::{Origin, Tool, ToolName};
use super::version::Version;
use crate::app::Failure;
use crate::store::Home;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;

/// Older ones cannot write the hash-based bytecode that makes builds repeatable.
const OLDEST_PYTHON: Version = Version { major: 3, minor: 7, patch: 0 };

/// What builds of this machine can choose from.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Toolchains {
    pub stack: Fingerprint,
    pub tools: Vec<Tool>,
    /// Found, but not usable: `/usr/bin/python3.11` → why.
    pub unusable: BTreeMap<String, String>,
    /// The roots of Debian packages that are here.
    #[serde(default)]
    pub roots: Vec<Root>,
    /// Whether more of them can be made here.
    #[serde(default)]
    pub makes_stacks: bool,
}

impl Toolchains {
    /// All that lies on this machine; `path` is the server's PATH. The stack's own come first.
    pub fn find(path: &str) -> Self {
        let host = Path::new("/");
        let mut tools = stack_pythons(host);
        tools.extend(super::on_path::pythons(path));
        tools.retain(|python| python.version >= OLDEST_PYTHON);
        tools.extend(super::on_path::rust_of_stack(host));
        tools.extend(super::on_path::rusts(path));
        tools.extend(super::node::of_stack(host));
        tools.extend(super::node::on_path(path));
        Toolchains { stack: Fingerprint::of_host(host), tools, ..Toolchains::default() }
    }

    /// With all that was fetched and made in the home since.
    pub fn with_home(&self, home: &Home) -> Result<Self, Failure> {
        let mut all = self.clone();
        all.tools.extend(super::fetch::fetched(home));
        for wish in super::stack::wishes(home)? {
            all.roots.extend(super::stack::find(home, &wish.wanted)?);
        }
        Ok(all)
    }

    /// What there is on a root of Debian packages: its own tools, those that were fetched,
    /// and those of the server that bring all they need. A Python of the server does not: it
    /// wants the libraries it was built with.
    pub fn on(&self, root: &Root) -> Self {
        let moves = |tool: &&Tool| match tool.origin {
            Origin::Stack { .. } => false,
            Origin::Server { .. } => tool.name != ToolName::Python,
            Origin::Registry { .. } => true,
        };
        let tools = debian_tools(root).into_iter();
        let tools = tools.chain(self.tools.iter().filter(moves).cloned()).collect();
        Toolchains { tools, unusable: BTreeMap::new(), ..self.clone() }
    }

    /// Runs what the stack has in a sandbox; drops a Python that cannot make a venv, and a
    /// Node.js without npm.
    pub fn probe(mut self, exec: &mut Exec<'_>) -> Result<Self, Failure> {
        let mut usable = Vec::new();
        for mut tool in std::mem::take(&mut self.tools) {
            let Origin::Stack { exe } = &tool.origin else {
                usable.push(tool);
                continue;
            };
            let ran = match tool.name {
                ToolName::Python => run_python(exe, exec)?,
                ToolName::Node => super::node::run(exe, exec)?,
                _ => Ok(tool.version),
            };
            match ran {
                Ok(version) => {
                    tool.version = version;
                    usable.push(tool);
                }
                Err(why) if tool.name != ToolName::Python => drop(why),
                Err(why) => {
                    self.unusable.insert(exe.display().to_string(), why);
                }
            }
        }
        self.tools = usable;
        Ok(self)
    }

    pub fn of(&self, name: ToolName) -> impl Iterator<Item = &Tool> {
        self.tools.iter().filter(move |tool| tool.name == name)
    }

    /// The stack's own → the newest one that is here.
    pub fn choose(&self, name: ToolName, fits: impl Fn(&Tool) -> bool) -> Option<&Tool> {
        let of_stack = |tool: &&Tool| matches!(tool.origin, Origin::Stack { .. });
        self.of(name).filter(|tool| fits(tool)).max_by_key(|tool| (of_stack(tool), tool.version))
    }
}

/// Package → the program that makes it a tool, and what else has to be there.
const DEBIAN_TOOLS: [(ToolName, &str, &str); 2] =
    [(ToolName::Node, "nodejs", "npm"), (ToolName::Rust, "cargo", "rustc")];

fn debian_tools(root: &Root) -> Vec<Tool> {
    let version = |package: &str| debian_version(root.packages.get(package)?);
    let tool = |name, version, exe: String| Tool {
        name,
        version,
        origin: Origin::Stack { exe: format!("/usr/bin/{exe}").into() },
    };
    let minor = root.wanted.suite.python();
    let package = format!("python{minor}");
    let venv = root.packages.contains_key("python3-venv");
    let python = version(&package).filter(|_| venv);
    let python = python.map(|version| tool(ToolName::Python, version, package));
    let others = DEBIAN_TOOLS.into_iter().filter_map(|(name, package, needed)| {
        root.packages.get(needed)?;
        let exe = if name == ToolName::Node { "node" } else { package };
        // Debian's cargo has a version of its own.
        let versioned = if name == ToolName::Rust { needed } else { package };
        Some(tool(name, version(versioned)?, exe.to_string()))
    });
    python.into_iter().chain(others).collect()
}

/// `1:3.11.2-6+deb12u6` is 3.11.2.
fn debian_version(text: &str) -> Option<Version> {
    let upstream = text.split_once(':').map_or(text, |(_, rest)| rest);
    let end = upstream.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(upstream.len());
    upstream[..end].parse().ok()
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
fn stack_pythons(root: &Path) -> Vec<Tool> {
    let mut found = Vec::new();
    for folder in ["usr/bin", "usr/local/bin"] {
        for minor in 0..100 {
            let path = format!("{folder}/python3.{minor}");
            if root.join(&path).is_file() {
                let version = Version { major: 3, minor, patch: 0 };
                let exe = Path::new("/").join(path);
                found.push(Tool { name: ToolName::Python, version, origin: Origin::Stack { exe } });
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::version::Wanted;
    use super::*;

    fn python(version: &str, origin: Origin) -> Tool {
        Tool { name: ToolName::Python, version: version.parse().unwrap(), origin }
    }

    fn of_stack(version: &str) -> Tool {
        python(version, Origin::Stack { exe: "/usr/bin/python3".into() })
    }

    fn of_server(version: &str) -> Tool {
        python(version, Origin::Server { prefix: "/srv/py".into(), stamp: "1".into() })
    }

    fn chosen(wanted: Option<&str>) -> Option<String> {
        let tools =
            vec![of_stack("3.11.2"), of_server("3.11.7"), of_server("3.13.0"), of_server("3.12.1")];
        let toolchains = Toolchains { tools, ..Toolchains::default() };
        let wanted: Option<Wanted> = wanted.map(|w| w.parse().unwrap());
        let fits = |tool: &Tool| wanted.is_none_or(|wanted| wanted.accepts(tool.version));
        toolchains.choose(ToolName::Python, fits).map(|p| p.version.to_string())
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
            tools: vec![of_stack("3.11.0"), of_server("3.12.1")],
            ..Toolchains::default()
        };
        let mut broken = |_: &Confined, line: &mut dyn FnMut(&str)| {
            line("ModuleNotFoundError: No module named 'ensurepip'");
            Ok(1)
        };
        let probed = found.probe(&mut broken).unwrap();
        assert_eq!(probed.tools, [of_server("3.12.1")]);
        assert_eq!(
            probed.unusable["/usr/bin/python3"],
            "ModuleNotFoundError: No module named 'ensurepip'"
        );
    }

    #[test]
    fn a_package_version_of_debian_is_read() {
        for (text, version) in [
            ("3.11.2-6+deb12u6", "3.11.2"),
            ("1:20.19.2+dfsg-1", "20.19.2"),
            ("1.85.1+dfsg1-1", "1.85.1"),
        ] {
            assert_eq!(debian_version(text), Some(version.parse().unwrap()), "{text}");
        }
        assert_eq!(debian_version("2024-1"), None);
    }

    #[test]
    fn a_stack_python_is_asked_for_its_version() {
        let found = Toolchains { tools: vec![of_stack("3.11.0")], ..Toolchains::default() };
        let mut answers = |_: &Confined, line: &mut dyn FnMut(&str)| {
            line("3.11.2");
            Ok(0)
        };
        assert_eq!(found.probe(&mut answers).unwrap().tools, [of_stack("3.11.2")]);
    }
}
