//! Which files a deploy's log consists of.

use super::{part::PartName, slot::Slot};
use crate::app::{AppName, DeployRef, Failure};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Where a part is below the deploy's folder: `2026-11-20T15/web.1.3.17.0.log`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PartPath {
    pub slot: Slot,
    pub part: PartName,
}

impl PartPath {
    pub fn below(&self, dir: &Path) -> PathBuf {
        dir.join(self.slot.to_string()).join(self.part.to_string())
    }
}

impl From<PartPath> for String {
    fn from(path: PartPath) -> String {
        format!("{}/{}", path.slot, path.part)
    }
}

impl TryFrom<String> for PartPath {
    type Error = String;

    /// A cursor comes from outside, so nothing but a real part's name passes.
    fn try_from(text: String) -> Result<PartPath, String> {
        let parse = || {
            let (slot, part) = text.split_once('/')?;
            Some(PartPath { slot: Slot::parse(slot)?, part: PartName::parse(part)? })
        };
        parse().ok_or_else(|| format!("`{text}` is not a part of a log"))
    }
}

/// Oldest first. A folder that is not there yet has none.
pub fn slots(dir: &Path) -> Result<Vec<Slot>, Failure> {
    let mut slots: Vec<Slot> = names(dir)?.iter().filter_map(|name| Slot::parse(name)).collect();
    slots.sort();
    Ok(slots)
}

pub fn parts(dir: &Path, slot: Slot) -> Result<Vec<PartPath>, Failure> {
    let names = names(&dir.join(slot.to_string()))?;
    let mut parts: Vec<PartName> = names.iter().filter_map(|name| PartName::parse(name)).collect();
    parts.sort();
    Ok(parts.into_iter().map(|part| PartPath { slot, part }).collect())
}

fn names(dir: &Path) -> Result<Vec<String>, Failure> {
    let failed = |error: std::io::Error| cannot_read(dir, error);
    let entries = match std::fs::read_dir(dir) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry.map_err(failed)?.file_name().into_string());
    }
    Ok(names)
}

/// The deploys that have a log below this folder.
pub fn owners(logs: &Path) -> Result<Vec<DeployRef>, Failure> {
    let mut owners = Vec::new();
    for app in names(logs)? {
        let Ok(name) = app.parse::<AppName>() else { continue };
        for deploy in names(&logs.join(&app))? {
            let Ok(deploy) = deploy.parse() else { continue };
            owners.push(DeployRef { app: name.clone(), deploy });
        }
    }
    Ok(owners)
}

/// Removes a destroyed deploy's log; one that never printed has none.
pub fn remove(dir: &Path) -> Result<(), Failure> {
    match std::fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            let message = format!("cannot remove the log {}", dir.display());
            Err(Failure::platform(message).because(error))
        }
        _ => Ok(()),
    }
}

pub fn cannot_read(path: &Path, error: std::io::Error) -> Failure {
    Failure::platform(format!("cannot read the log {}", path.display())).because(error)
}
