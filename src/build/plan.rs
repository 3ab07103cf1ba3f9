//! From a tree and its manifests to what a build will do: pure, and shown by
//! `xii build --plan`. Nothing here touches the machine.

use super::below::{self, Below};
use super::draft::{Draft, Stop};
use super::language::{self, Kind};
use super::tool::{Tool, ToolName};
use super::toolchain::Toolchains;
use super::tree::Tree;
use super::{environment, python, static_site};
use crate::app::{Digest, Failure, Manifests, ProcessType};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Part of every build key; raised when this room makes other bytes from the same plan.
const FORMAT: u32 = 2;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// In the order they are built; the last one is the app's own.
    pub languages: Vec<Kind>,
    pub stack: Below,
    pub tools: Vec<Tool>,
    /// Not mounted when the app runs.
    pub only_to_build: BTreeSet<ToolName>,
    pub stages: Vec<Stage>,
    pub env: BTreeMap<String, String>,
    /// What the language sets for the app when it runs, below its config.
    pub run_env: BTreeMap<String, String>,
    /// A folder that must be there afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<String>,
    /// Commands the Procfile does not need to give.
    pub commands: BTreeMap<ProcessType, String>,
    pub warnings: Vec<String>,
}

/// Steps that stand or fall together; `name` is the line of the phase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    pub name: String,
    pub steps: Vec<Step>,
    /// What the stage leaves in one folder, kept for the next build with the same key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<Layer>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    pub argv: Vec<String>,
    /// `/app`, or `/` where a file of the app must not be taken for a module of the tool.
    pub cwd: String,
    /// Its exit code says nothing about the app: compiling bytecode ahead.
    #[serde(default)]
    pub may_fail: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// Relative to the app: `.venv`. The stage leaves nothing else, and holds what earlier
    /// stages left there.
    pub path: String,
    pub key: Digest,
    /// Made without the app in sight, and so the same for every app.
    #[serde(default)]
    pub shared: bool,
    /// The files of the tree that decide the key, for people.
    pub inputs: Vec<String>,
}

impl Step {
    /// In the app's folder.
    pub fn new<const N: usize>(argv: [&str; N]) -> Self {
        let argv = argv.map(String::from).to_vec();
        Step { argv, cwd: environment::APP.to_string(), may_fail: false }
    }

    /// Of a long script the first line.
    pub fn shown(&self) -> String {
        let all = self.argv.join(" ");
        match all.trim_end().split_once('\n') {
            Some((first, _)) => format!("{first} …"),
            None => all,
        }
    }

    /// A shell's script, which stops at its first error.
    pub fn shell(script: &str) -> Self {
        Step::new(["sh", "-ec", script])
    }
}

impl Plan {
    /// A plan of nothing yet.
    pub(super) fn begin(stack: Below) -> Self {
        Plan {
            languages: Vec::new(),
            stack,
            tools: Vec::new(),
            only_to_build: BTreeSet::new(),
            stages: Vec::new(),
            env: BTreeMap::new(),
            run_env: BTreeMap::new(),
            output: None,
            commands: BTreeMap::new(),
            warnings: Vec::new(),
        }
    }

    pub fn tool(&self, name: Option<ToolName>) -> Option<&Tool> {
        self.tools.iter().find(|tool| Some(tool.name) == name)
    }

    /// What the plan builds, for a release's line: `Node.js 22.1.0, Python 3.12.1`.
    pub fn title(&self) -> String {
        let title = |kind: &Kind| match self.tool(kind.tool()) {
            Some(tool) => format!("{kind} {}", tool.version),
            None => kind.to_string(),
        };
        self.languages.iter().map(title).collect::<Vec<_>>().join(", ")
    }
}

impl std::fmt::Display for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "builds     {}", self.title())?;
        writeln!(f, "stack      {}", self.stack)?;
        for tool in &self.tools {
            writeln!(f, "toolchain  {} {tool}", tool.name)?;
        }
        for stage in &self.stages {
            write!(f, "{stage}")?;
        }
        for (process_type, command) in &self.commands {
            writeln!(f, "{process_type}: {command}")?;
        }
        self.warnings.iter().try_for_each(|text| writeln!(f, " !  {text}"))
    }
}

impl std::fmt::Display for Stage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "-----> {}", self.name)?;
        match &self.layer {
            Some(Layer { shared: true, .. }) => writeln!(f, "       made once on this server")?,
            Some(layer) => {
                writeln!(f, "       made again when these change: {}", layer.inputs.join(", "))?
            }
            None => {}
        }
        self.steps.iter().try_for_each(|step| writeln!(f, "       $ {}", step.shown()))
    }
}

/// Decides by what lies in the tree. `Stop::Needs` names what has to be fetched first; the
/// plan is then made again.
pub fn plan(tree: &Tree, manifests: &Manifests, available: &Toolchains) -> Result<Plan, Stop> {
    let build = &manifests.settings.build;
    let has_commands = !manifests.commands.is_empty();
    let languages = language::of(tree, manifests)?;
    let commands = static_site::commands(languages.last().copied(), build, has_commands);
    // First, what is the tree's fault: a stack takes minutes to make.
    languages.iter().try_for_each(|kind| kind.language().check(tree))?;
    let known = has_commands || !commands.is_empty();
    if !known && !languages.last().is_some_and(|kind| kind.may_know_what_runs()) {
        return Err(no_procfile(tree).into());
    }
    let chosen = below::choose(tree, manifests, &languages, available)?;
    let mut draft =
        Draft { tree, manifests, available: &chosen.available, plan: Plan::begin(chosen.below) };
    draft.plan.warnings.extend(chosen.warning);
    draft.plan.languages = languages.clone();
    draft.plan.output = build.output.clone();
    draft.plan.commands = commands;
    for kind in languages {
        kind.language().plan(&mut draft)?;
    }
    draft.finish();
    Ok(draft.plan)
}

/// The same key, the same build: what is warned about does not count, the way to the same
/// interpreter does.
pub fn build_key(plan: &Plan, tree_id: &str) -> Digest {
    let plan = Plan { warnings: Vec::new(), ..plan.clone() };
    digest_of(&(FORMAT, tree_id, plan))
}

/// A digest over plain data; its serialisation cannot fail.
pub(super) fn digest_of(value: &impl Serialize) -> Digest {
    Digest::of(&serde_json::to_vec(value).unwrap_or_default())
}

fn no_procfile(tree: &Tree) -> Failure {
    let failure = Failure::usage("there is no Procfile: xii does not know what to run");
    let near = tree.names.iter().find(|name| name.eq_ignore_ascii_case("procfile"));
    if let Some(near) = near {
        return failure.next(format!("rename `{near}` to `Procfile`"));
    }
    let example = python::example(tree);
    failure.next(format!("write one line for each process type, like `{example}`"))
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
