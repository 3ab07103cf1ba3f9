//! One tool a build uses or an app runs on: an interpreter, a compiler, a package manager.
//! Plain data: where it comes from and where a sandbox sees it.

use super::version::Version;
use crate::app::Digest;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Where tools are mounted that are not part of the stack: `/opt/xii/python-3.12.1`.
pub const MOUNTS: &str = "/opt/xii";

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ToolName {
    Python,
    Node,
    Npm,
    Rust,
    Uv,
    Poetry,
    Pipenv,
    Pnpm,
    Yarn,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    pub name: ToolName,
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
    /// Fetched from a package registry into `stacks/<digest>`. `made_with` is the tool that a
    /// package manager written in Python was installed for, and only works beside.
    Registry { digest: Digest, made_with: Option<String> },
}

/// A tool that a plan needs, that is not here, and that a registry may have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    pub name: ToolName,
    /// As the registry of the tool understands it: `2.5.1`, or a range such as `>=20 <23`.
    pub version: String,
    /// Who asks: `package.json: engines.node`.
    pub declared_by: Option<String>,
    /// The Python that a tool written in Python is to run on.
    pub with: Option<Box<Tool>>,
    /// The root that Python is part of; `None` is the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<Digest>,
}

impl ToolName {
    /// As in `/opt/xii/node-22.1.0`.
    pub fn slug(self) -> &'static str {
        match self {
            ToolName::Python => "python",
            ToolName::Node => "node",
            ToolName::Npm => "npm",
            ToolName::Rust => "rust",
            ToolName::Uv => "uv",
            ToolName::Poetry => "poetry",
            ToolName::Pipenv => "pipenv",
            ToolName::Pnpm => "pnpm",
            ToolName::Yarn => "yarn",
        }
    }
}

impl std::fmt::Display for ToolName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            ToolName::Python => "Python",
            ToolName::Node => "Node.js",
            ToolName::Npm => "npm",
            ToolName::Rust => "Rust",
            ToolName::Uv => "uv",
            ToolName::Poetry => "Poetry",
            ToolName::Pipenv => "Pipenv",
            ToolName::Pnpm => "pnpm",
            ToolName::Yarn => "Yarn",
        })
    }
}

impl Tool {
    /// `python-3.12.1`
    pub fn slug(&self) -> String {
        format!("{}-{}", self.name.slug(), self.version)
    }

    /// `/opt/xii/python-3.12.1`; `None` for a part of the stack.
    pub fn mount(&self) -> Option<PathBuf> {
        match &self.origin {
            Origin::Stack { .. } => None,
            Origin::Server { .. } | Origin::Registry { .. } => {
                Some(format!("{MOUNTS}/{}", self.slug()).into())
            }
        }
    }

    /// Its program as a sandbox sees it.
    pub fn exe(&self) -> PathBuf {
        match (&self.origin, self.mount()) {
            (Origin::Stack { exe }, _) => exe.clone(),
            (_, mount) => mount.unwrap_or_default().join("bin").join(self.exe_name()),
        }
    }

    /// `python3.12`, `node`, `cargo`
    pub fn exe_name(&self) -> String {
        match self.name {
            ToolName::Python => format!("python{}.{}", self.version.major, self.version.minor),
            ToolName::Rust => "cargo".to_string(),
            other => other.slug().to_string(),
        }
    }
}

impl std::fmt::Display for Tool {
    /// `3.12.1 (this server's PATH, /srv/3.12.1)`
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.origin {
            Origin::Stack { exe } => write!(f, "{} (stack, {})", self.version, exe.display()),
            Origin::Server { prefix, .. } => {
                write!(f, "{} (this server's PATH, {})", self.version, prefix.display())
            }
            Origin::Registry { digest, .. } => {
                write!(f, "{} (package registry, {})", self.version, digest.short())
            }
        }
    }
}

impl std::fmt::Display for Wish {
    /// `Node.js >=20 <23 (package.json: engines.node)`
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.name, self.version)?;
        self.declared_by.iter().try_for_each(|by| write!(f, " ({by})"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    #[test]
    fn a_copied_tool_is_named_by_its_place_in_the_sandbox() {
        let origin = Origin::Server { prefix: "/srv/py".into(), stamp: "1".into() };
        let tool = |name| Tool { name, version: "3.12.1".parse().unwrap(), origin: origin.clone() };
        let python = tool(ToolName::Python).exe();
        assert_eq!(python, Path::new("/opt/xii/python-3.12.1/bin/python3.12"));
        assert_eq!(tool(ToolName::Rust).exe(), Path::new("/opt/xii/rust-3.12.1/bin/cargo"));
        assert_eq!(tool(ToolName::Node).exe(), Path::new("/opt/xii/node-3.12.1/bin/node"));
    }
}
