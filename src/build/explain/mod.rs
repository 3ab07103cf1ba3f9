//! Why a step of a build runs again: the last build that was made, compared with the plan now.
//! Pure; what was known then is read in [`last`].

mod last;

pub use last::{Last, files, kept, read, remember};

use super::below::Below;
use super::plan::{Plan, Stage};
use super::tool::{Origin, Tool};
use crate::app::Digest;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Path in the tree → what is in the file, in short.
pub type Files = BTreeMap<String, String>;

/// What is true of this server now.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    pub files: Files,
    /// Keys of the layers that are here.
    pub kept: BTreeSet<Digest>,
    /// The build that was made of the same plan and tree before.
    pub taken: Option<Digest>,
}

/// One step, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// The stage's name.
    pub step: String,
    pub runs: bool,
    pub why: Vec<String>,
}

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let runs = if self.runs { "runs" } else { "kept" };
        write!(f, "{runs}  {}: {}", self.step, self.why.join("; "))
    }
}

/// Of changed files, so many are named.
const MOST_NAMES: usize = 3;

/// A line for each stage of the plan, in its order.
pub fn explain(last: Option<&Last>, new: &Plan, facts: &Facts) -> Vec<Line> {
    if let Some(taken) = facts.taken {
        let why = format!("nothing changed: the build {} would be taken", taken.short());
        return vec![Line { step: "build".to_string(), runs: false, why: vec![why] }];
    }
    let is_kept = |stage: &Stage| stage.layer.as_ref().is_some_and(|l| facts.kept.contains(&l.key));
    let first = new.stages.iter().rposition(is_kept).unwrap_or(0);
    let line = |(at, stage): (usize, &Stage)| {
        let (runs, why) = match last {
            _ if at < first => (false, vec![format!("`{}` holds it", new.stages[first].name)]),
            _ if is_kept(stage) => (false, vec![unchanged(stage)]),
            None => (true, vec!["first build".to_string()]),
            Some(last) => (true, reasons(last, new, stage, facts)),
        };
        Line { step: stage.name.clone(), runs, why }
    };
    new.stages.iter().enumerate().map(line).collect()
}

/// The line of a phase that is made again: `dependencies: package-lock.json changed`.
pub fn title(stage: &str, why: &[String]) -> String {
    let subject = stage.split_once(": ").map(|(_, subject)| subject);
    match why {
        [] => stage.to_string(),
        [only] if subject.is_some_and(|s| *only == format!("{s} changed")) => {
            format!("{stage} changed")
        }
        _ => format!("{stage} ({})", why.join("; ")),
    }
}

fn unchanged(stage: &Stage) -> String {
    match &stage.layer {
        Some(layer) if layer.shared => "made once on this server".to_string(),
        Some(layer) if !layer.inputs.is_empty() => {
            format!("{} did not change", layer.inputs.join(", "))
        }
        _ => "nothing it depends on changed".to_string(),
    }
}

fn reasons(last: &Last, new: &Plan, stage: &Stage, facts: &Facts) -> Vec<String> {
    let old = &last.plan;
    if old.languages != new.languages {
        return vec![format!("it was {}, and is {}", old.title(), new.title())];
    }
    let mut why = tools(old, new);
    why.extend(stack(&old.stack, &new.stack));
    why.extend(variables(old, new));
    let before = old.stages.iter().find(|before| is_same(before, stage));
    match before {
        None => why.push("it is new".to_string()),
        Some(before) if why.is_empty() && before.steps != stage.steps => {
            why.push("its commands changed".to_string())
        }
        Some(_) => {}
    }
    let Some(layer) = &stage.layer else {
        why.extend(tree(&last.files, &facts.files));
        return if why.is_empty() { vec!["it runs in every build".to_string()] } else { why };
    };
    let inputs = layer.inputs.iter().filter(|path| last.files.get(*path) != facts.files.get(*path));
    why.extend(inputs.map(|path| change(path, &last.files, &facts.files)));
    if why.is_empty() {
        let same =
            before.and_then(|before| before.layer.as_ref()).is_some_and(|l| l.key == layer.key);
        let text = if same { "what was kept of it is gone" } else { "a step before it changed" };
        why.push(text.to_string());
    }
    why
}

/// The same part of a plan: by what it leaves, or by its kind (`dependencies`).
fn is_same(old: &Stage, new: &Stage) -> bool {
    let kind = |stage: &Stage| stage.name.split(':').next().map(String::from);
    old.name == new.name || kind(old) == kind(new)
}

fn tools(old: &Plan, new: &Plan) -> Vec<String> {
    let change = |tool: &Tool| match old.tool(Some(tool.name)) {
        None => Some(format!("{} {} is new", tool.name, tool.version)),
        Some(old) if old.version != tool.version => {
            Some(format!("{} {} → {}", tool.name, old.version, tool.version))
        }
        Some(old) if old.origin != tool.origin => Some(moved(old, tool)),
        Some(_) => None,
    };
    let gone = old.tools.iter().filter(|tool| new.tool(Some(tool.name)).is_none());
    let gone = gone.map(|tool| format!("{} is no longer used", tool.name));
    new.tools.iter().filter_map(change).chain(gone).collect()
}

fn moved(old: &Tool, new: &Tool) -> String {
    match (&old.origin, &new.origin) {
        (Origin::Server { prefix: one, .. }, Origin::Server { prefix: other, .. })
            if one == other =>
        {
            format!("{} {} was installed again", new.name, new.version)
        }
        _ => format!("{} {old} → {new}", new.name),
    }
}

fn stack(old: &Below, new: &Below) -> Vec<String> {
    match (old, new) {
        (Below::Host(old), Below::Host(new)) => old.describe_change(new),
        _ if old == new => Vec::new(),
        _ if old.name() == new.name() => {
            vec![format!("the stack {} has other packages", new.name())]
        }
        _ => vec![format!("the stack {} → {}", old.name(), new.name())],
    }
}

fn variables(old: &Plan, new: &Plan) -> Option<String> {
    let names: BTreeSet<&String> = old.env.keys().chain(new.env.keys()).collect();
    // Follows from the tools.
    let changed = |name: &&String| *name != "PATH" && old.env.get(*name) != new.env.get(*name);
    let names: Vec<&str> = names.into_iter().filter(changed).map(String::as_str).collect();
    match names.as_slice() {
        [] => None,
        [one] => Some(format!("the variable {one} changed")),
        all => Some(format!("the variables {} changed", all.join(", "))),
    }
}

fn change(path: &str, old: &Files, new: &Files) -> String {
    match (old.contains_key(path), new.contains_key(path)) {
        (false, true) => format!("{path} is new"),
        (true, false) => format!("{path} is gone"),
        _ => format!("{path} changed"),
    }
}

/// `the tree changed: hello/views.py, hello/urls.py, a.css … (7 files)`
fn tree(old: &Files, new: &Files) -> Option<String> {
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let changed: Vec<&str> = names
        .into_iter()
        .filter(|name| old.get(*name) != new.get(*name))
        .map(String::as_str)
        .collect();
    let shown = changed[..changed.len().min(MOST_NAMES)].join(", ");
    match changed.len() {
        0 => None,
        all if all > MOST_NAMES => Some(format!("the tree changed: {shown} … ({all} files)")),
        _ => Some(format!("the tree changed: {shown}")),
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
