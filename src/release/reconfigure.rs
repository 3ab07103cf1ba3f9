//! A change of config as a release: the same code with other values.

use super::cut::NewRelease;
use super::record::{Reason, Release, Stack};
use crate::app::{DeployRef, Failure, ManifestTexts};
use crate::config::{Change, ConfigSnapshot, Key};
use jiff::Timestamp;
use std::collections::BTreeMap;

#[derive(Debug, Clone)]
pub struct Reconfigure {
    pub deploy: DeployRef,
    pub change: Change,
    /// The stack of a deploy that has no release yet; later ones keep their own.
    pub stack: Stack,
    pub by: String,
    pub at: Timestamp,
}

/// The release to cut for the change, or `None` if everything is set as wished already.
/// Before the first build it has no build and starts nothing.
pub fn reconfigure(
    key: &Key,
    current: Option<&Release>,
    wish: &Reconfigure,
) -> Result<Option<NewRelease>, Failure> {
    let before = match current {
        Some(current) => current.open_config(key)?,
        None => ConfigSnapshot::default(),
    };
    let (config, changed) = before.apply(&wish.change)?;
    if changed.is_empty() {
        return Ok(None);
    }
    let mut new = NewRelease {
        deploy: wish.deploy.clone(),
        build: None,
        stack: wish.stack.clone(),
        config,
        commands: BTreeMap::new(),
        manifests: ManifestTexts::default(),
        commit: None,
        attachments: Vec::new(),
        reason: Reason::Config(changed),
        by: wish.by.clone(),
        at: wish.at,
    };
    if let Some(current) = current {
        new.build = current.build;
        new.stack = current.stack.clone();
        new.commands = current.commands.clone();
        new.manifests = current.manifests.clone();
        new.commit = current.commit.clone();
        new.attachments = current.attachments.clone();
    }
    Ok(Some(new))
}
