//! A release as it is shown: everything but sealed bytes and whole files.

use super::record::{Commit, Release, Stack, Standing, Status};
use crate::app::{ConfigKey, Digest, ProcessType, ReleaseNumber};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    pub number: ReleaseNumber,
    pub standing: Standing,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// `deploy`, `config set A`, `rollback to v3`.
    pub reason: String,
    pub created_at: Timestamp,
    pub created_by: String,
    pub build: Option<Digest>,
    pub stack: Stack,
    pub commit: Option<Commit>,
    pub config: Vec<ConfigKey>,
    pub commands: BTreeMap<ProcessType, String>,
}

impl Release {
    pub fn summary(&self, current: Option<ReleaseNumber>) -> Summary {
        let failure = match &self.status {
            Status::Failed { why } => Some(why.clone()),
            Status::Pending | Status::Active => None,
        };
        Summary {
            number: self.number,
            standing: self.standing(current),
            failure,
            reason: self.reason.to_string(),
            created_at: self.created_at,
            created_by: self.created_by.clone(),
            build: self.build,
            stack: self.stack.clone(),
            commit: self.commit.clone(),
            config: self.config.names().cloned().collect(),
            commands: self.commands.clone(),
        }
    }
}
