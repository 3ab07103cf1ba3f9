//! From a tree and its manifests to what a build will do: pure, and shown by
//! `xii build --plan`. Nothing here touches the machine.

use super::fingerprint::Fingerprint;
use super::toolchain::{Python, Toolchains};
use super::tree::Tree;
use super::{command, environment, foreign, python, static_site};
use crate::app::{Digest, Failure, Manifests, ProcessType};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Part of every build key; raised when this room makes other bytes from the same plan.
const FORMAT: u32 = 1;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Language {
    Python,
    Static,
    /// `[build] command` is all that is known.
    Command,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    pub language: Language,
    pub stack: Fingerprint,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub toolchain: Option<Python>,
    pub stages: Vec<Stage>,
    pub env: BTreeMap<String, String>,
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

impl std::fmt::Display for Language {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Language::Python => "Python",
            Language::Static => "static site",
            Language::Command => "[build] command",
        })
    }
}

impl Step {
    pub fn new<const N: usize>(argv: [&str; N]) -> Self {
        let argv = argv.map(String::from).to_vec();
        Step { argv, cwd: environment::APP.to_string(), may_fail: false }
    }
}

impl Plan {
    /// What the plan builds, for a release's line: `Python 3.12.1`.
    pub fn title(&self) -> String {
        match &self.toolchain {
            Some(python) => format!("{} {}", self.language, python.version),
            None => self.language.to_string(),
        }
    }
}

impl std::fmt::Display for Plan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "builds     {}", self.title())?;
        writeln!(f, "stack      host ({})", self.stack)?;
        if let Some(python) = &self.toolchain {
            writeln!(f, "toolchain  Python {python}")?;
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
        self.steps.iter().try_for_each(|step| writeln!(f, "       $ {}", step.argv.join(" ")))
    }
}

/// Decides by what lies in the tree. Python comes before `[build] command`, which then runs
/// after the dependencies are there.
pub fn plan(tree: &Tree, manifests: &Manifests, available: &Toolchains) -> Result<Plan, Failure> {
    let build = &manifests.settings.build;
    let has_commands = !manifests.commands.is_empty();
    let has_page = tree.has("index.html") && !has_commands;
    let language = if tree.has("requirements.txt") {
        Language::Python
    } else if build.output.is_some() && !has_commands || build.command.is_some() && has_page {
        Language::Static
    } else if build.command.is_some() {
        Language::Command
    } else if let Some(failure) = foreign::recognise(tree) {
        return Err(failure);
    } else if has_page {
        Language::Static
    } else {
        return Err(foreign::nothing_recognised(tree, has_commands));
    };
    let mut plan = Plan {
        language,
        stack: available.stack.clone(),
        toolchain: None,
        stages: Vec::new(),
        env: environment::of_a_build(None),
        output: build.output.clone(),
        commands: static_site::commands(language, build, has_commands),
        warnings: Vec::new(),
    };
    if language == Language::Python {
        python::add(&mut plan, tree, build, available)?;
    } else {
        plan.env.extend(build.env.clone());
        plan.stages.extend(command::stage(build));
    }
    if plan.commands.is_empty() && !has_commands {
        return Err(no_procfile(tree));
    }
    Ok(plan)
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
    let example = match tree.has("manage.py") {
        true => "web: python manage.py runserver 0.0.0.0:$PORT",
        false => "web: python app.py",
    };
    failure.next(format!("write one line for each process type, like `{example}`"))
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
