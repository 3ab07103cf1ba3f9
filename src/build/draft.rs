//! A plan in the making: what every language sees, and the few ways in which it adds to it.

use super::command;
use super::environment;
use super::plan::{Plan, Stage};
use super::stack::Wanted;
use super::tool::{Tool, Wish};
use super::toolchain::Toolchains;
use super::tree::Tree;
use crate::app::{Diagnostics, Failure, Manifests};

pub struct Draft<'a> {
    pub tree: &'a Tree,
    pub manifests: &'a Manifests,
    pub available: &'a Toolchains,
    pub plan: Plan,
}

/// Why there is no plan.
#[derive(Debug, PartialEq, Eq)]
pub enum Stop {
    /// Fetch this, then plan again.
    Needs(Wish),
    /// Make this root, then plan again.
    NeedsStack(Wanted),
    Failed(Failure),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Stop::Failed(failure)
    }
}

impl From<Diagnostics> for Stop {
    fn from(errors: Diagnostics) -> Self {
        Stop::Failed(errors.into())
    }
}

/// Where nothing can be fetched.
impl From<Stop> for Failure {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Failed(failure) => failure,
            Stop::Needs(wish) => Failure::app(format!("{wish} is not on this server")),
            Stop::NeedsStack(wanted) => Failure::app(format!("{wanted} is not on this server")),
        }
    }
}

impl Draft<'_> {
    /// Mounts a tool in the build, and in what runs of it.
    pub fn use_tool(&mut self, tool: &Tool) {
        if self.plan.tool(Some(tool.name)).is_none() {
            self.plan.tools.push(tool.clone());
            self.plan.env = self.environment();
        }
    }

    /// Mounts a tool in the build alone.
    pub fn use_to_build(&mut self, tool: &Tool) {
        self.use_tool(tool);
        self.plan.only_to_build.insert(tool.name);
    }

    /// One that is here, or the wish for it.
    pub fn fetched(&self, wish: Wish, fits: impl Fn(&Tool) -> bool) -> Result<Tool, Stop> {
        match self.available.choose(wish.name, fits) {
            Some(tool) => Ok(tool.clone()),
            None => Err(Stop::Needs(Wish { on: self.plan.stack.build_root(), ..wish })),
        }
    }

    pub fn warn(&mut self, text: impl Into<String>) {
        self.plan.warnings.push(text.into());
    }

    pub fn stage(&mut self, stage: Stage) {
        self.plan.stages.push(stage);
    }

    /// `[build] command`: once, after the dependencies of the last language are there.
    pub fn build_command(&mut self) {
        let wanted = command::stage(&self.manifests.settings.build);
        let known = |stage: &Stage| Some(stage) == wanted.as_ref();
        if let Some(stage) = &wanted
            && !self.plan.stages.iter().any(known)
        {
            self.plan.stages.push(stage.clone());
        }
    }

    /// Whether the language being planned is the app's own, which is built last.
    pub fn is_last(&self, kind: super::language::Kind) -> bool {
        self.plan.languages.last() == Some(&kind)
    }

    /// Constants, tools, and `[build] env` over them.
    fn environment(&self) -> std::collections::BTreeMap<String, String> {
        let mut env = environment::of_a_build(&self.plan.tools);
        env.extend(self.plan.env.iter().filter(|(name, _)| *name != "PATH").map(clone));
        env.extend(self.manifests.settings.build.env.iter().map(clone));
        env
    }

    pub fn finish(&mut self) {
        self.plan.env = self.environment();
    }
}

fn clone((name, value): (&String, &String)) -> (String, String) {
    (name.clone(), value.clone())
}
