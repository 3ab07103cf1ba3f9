//! The languages xii builds by itself, and which of them a checkout is in.

use super::draft::{Draft, Stop};
use super::foreign::Sure;
use super::tool::ToolName;
use super::tree::Tree;
use super::{command, foreign, node, python, rust, static_site};
use crate::app::{Failure, Manifests};
use serde::{Deserialize, Serialize};

/// A way from a tree to a build. Pure: it reads the draft and adds to its plan.
pub trait Language: Sync {
    /// Whether the tree is in this language.
    fn recognises(&self, tree: &Tree, manifests: &Manifests) -> bool;

    /// What no tool and no stack would mend: a lock that is missing, a manifest that is none.
    fn check(&self, _tree: &Tree) -> Result<(), Failure> {
        Ok(())
    }

    /// Adds its tools, stages and default commands.
    fn plan(&self, draft: &mut Draft<'_>) -> Result<(), Stop>;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    Python,
    Node,
    Rust,
    Static,
    /// `[build] command` is all that is known.
    Command,
}

/// What is looked for, in this order.
const KINDS: [Kind; 5] = [Kind::Python, Kind::Node, Kind::Rust, Kind::Static, Kind::Command];

impl Kind {
    pub(super) fn language(self) -> &'static dyn Language {
        match self {
            Kind::Python => &python::Python,
            Kind::Node => &node::Node,
            Kind::Rust => &rust::Rust,
            Kind::Static => &static_site::Static,
            Kind::Command => &command::Command,
        }
    }

    /// Whether a tree of it can say what runs without a Procfile.
    pub(super) fn may_know_what_runs(self) -> bool {
        matches!(self, Kind::Node | Kind::Rust)
    }

    /// The tool whose version names the language's.
    pub fn tool(self) -> Option<ToolName> {
        match self {
            Kind::Python => Some(ToolName::Python),
            Kind::Node => Some(ToolName::Node),
            Kind::Rust => Some(ToolName::Rust),
            Kind::Static | Kind::Command => None,
        }
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Kind::Python => "Python",
            Kind::Node => "Node.js",
            Kind::Rust => "Rust",
            Kind::Static => "static site",
            Kind::Command => "[build] command",
        })
    }
}

/// Nearly always one. A Python app with a locked package.json is two: what Node builds
/// (styles, scripts) is there when Python's own steps collect it.
pub fn of(tree: &Tree, manifests: &Manifests) -> Result<Vec<Kind>, Failure> {
    let recognises = |kind: &Kind| kind.language().recognises(tree, manifests);
    let has_command = manifests.settings.build.command.is_some();
    let foreign = |sure: Sure| foreign::recognise(tree, sure).filter(|_| !has_command);
    if let Some(failure) = foreign(Sure::Certainly) {
        return Err(failure);
    }
    let found = KINDS.into_iter().find(recognises);
    if matches!(found, None | Some(Kind::Static))
        && let Some(failure) = foreign(Sure::Probably)
    {
        return Err(failure);
    }
    match found {
        Some(Kind::Python) if tree.has("package.json") && node::is_locked(tree) => {
            Ok(vec![Kind::Node, Kind::Python])
        }
        // A package.json for its styles and scripts: what is started is made by cargo.
        Some(Kind::Node) if tree.has("Cargo.toml") && starts_cargos_program(manifests) => {
            Ok(if node::is_locked(tree) { vec![Kind::Node, Kind::Rust] } else { vec![Kind::Rust] })
        }
        Some(kind) => Ok(vec![kind]),
        None => Err(foreign::nothing_recognised(tree, !manifests.commands.is_empty())),
    }
}

fn starts_cargos_program(manifests: &Manifests) -> bool {
    manifests.commands.values().any(|command| command.contains("target/release/"))
}
