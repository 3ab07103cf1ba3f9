//! `[build] command`: the way in for every language without a file of its own here, and a
//! last step for those that have one.

use super::draft::{Draft, Stop};
use super::language::Language;
use super::plan::{Stage, Step};
use super::tree::Tree;
use crate::app::{BuildSettings, Manifests};

pub struct Command;

impl Language for Command {
    fn recognises(&self, _: &Tree, manifests: &Manifests) -> bool {
        manifests.settings.build.command.is_some()
    }

    fn plan(&self, draft: &mut Draft<'_>) -> Result<(), Stop> {
        draft.build_command();
        Ok(())
    }
}

pub fn stage(build: &BuildSettings) -> Option<Stage> {
    let command = build.command.as_deref()?;
    let name = format!("build command: {}", command.lines().next().unwrap_or_default().trim());
    Some(Stage { name, steps: vec![Step::shell(command)], layer: None })
}
