//! Which Node.js: declared, or the stack's own, or the default.

use super::super::draft::{Draft, Stop};
use super::super::tool::{Origin, Tool, ToolName, Wish};
use super::super::tree::Tree;
use super::package::Package;
use super::range::{self, DEFAULT_NODE, Range};
use crate::app::{Diagnostic, Diagnostics, Failure, SourceFile};

/// A range, and the place that asks for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared {
    pub range: Range,
    pub by: &'static str,
}

pub const ENGINES: &str = "package.json: engines.node";

pub fn choose(draft: &mut Draft<'_>, package: &Package) -> Result<Tool, Stop> {
    let declared = declared(draft.tree, package)?;
    let node = match &declared {
        Some(Declared { range, by }) => {
            let node =
                draft.fetched(wish(&range.text, Some(by)), |node| range.accepts(node.version));
            node?
        }
        None => default(draft)?,
    };
    match &declared {
        None => draft.warn(format!(
            "no Node.js version declared, taking {node}; {} keeps it",
            line_to_write(ENGINES, &node)
        )),
        Some(Declared { range, by }) if range.exact().is_none() => draft.warn(format!(
            "{by} leaves the version open ({range}), taking {node}; {} keeps it",
            line_to_write(by, &node)
        )),
        Some(_) => {}
    }
    Ok(node)
}

fn default(draft: &Draft<'_>) -> Result<Tool, Stop> {
    let of_stack = |node: &Tool| matches!(node.origin, Origin::Stack { .. });
    if let Some(node) = draft.available.choose(ToolName::Node, of_stack) {
        return Ok(node.clone());
    }
    let newest: Range = DEFAULT_NODE.parse().map_err(Failure::internal)?;
    draft.fetched(wish(DEFAULT_NODE, None), |node| newest.accepts(node.version))
}

fn wish(version: &str, by: Option<&str>) -> Wish {
    let declared_by = by.map(String::from);
    Wish { name: ToolName::Node, version: version.to_string(), declared_by, with: None, on: None }
}

fn line_to_write(place: &str, node: &Tool) -> String {
    match place {
        ENGINES => format!("`\"engines\": {{ \"node\": \"{}\" }}` in package.json", node.version),
        file => format!("`echo {} > {file}`", node.version),
    }
}

/// package.json before `.node-version` before `.nvmrc`.
fn declared(tree: &Tree, package: &Package) -> Result<Option<Declared>, Failure> {
    if let Some(text) = package.engine("node") {
        let range = text.parse().map_err(|problem| {
            Failure::usage(format!("package.json: engines.node: {problem}"))
                .next("write a version or a range, like \"24.x\"")
        })?;
        return Ok(Some(Declared { range, by: ENGINES }));
    }
    for name in [".node-version", ".nvmrc"] {
        let Some(text) = tree.text(name) else { continue };
        let file = SourceFile::new(name, text);
        let mut lines = file.lines().map(|(start, line)| (start, line.trim_end()));
        let found = lines.find(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let Some((start, line)) = found else { continue };
        return match range::of_a_version_file(line.trim_start()) {
            Ok(range) => Ok(Some(Declared { range, by: name })),
            Err(problem) => {
                let place = start..start + line.len();
                let found = Diagnostic::new(place, problem, "expected like 24 or 24.1.0");
                Err(Diagnostics { file: file.clone(), list: vec![found] }.into())
            }
        };
    }
    Ok(None)
}
