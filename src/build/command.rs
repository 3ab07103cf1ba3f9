//! `[build] command`: the way in for every language without a file of its own here, and a
//! last step for those that have one.

use super::plan::{Stage, Step};
use crate::app::BuildSettings;

pub fn stage(build: &BuildSettings) -> Option<Stage> {
    let command = build.command.as_deref()?;
    let name = format!("build command: {}", command.lines().next().unwrap_or_default().trim());
    Some(Stage { name, steps: vec![Step::new(["sh", "-ec", command])], layer: None })
}
