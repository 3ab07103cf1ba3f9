//! `cache/<app>/last.json`: what the last build that was made was made from. Only to explain;
//! nothing is decided by it, and it may be gone at any time.

use super::super::files::{failed, walk};
use super::super::layer;
use super::super::plan::Plan;
use super::{Facts, Files};
use crate::app::{Digest, Failure};
use crate::store::Home;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::Path;

const FILE: &str = "last.json";
const VERSION: u32 = 1;
/// Past these, a file is known by its size alone: a build does not wait for its explanation.
const MOST_FILES: usize = 20_000;
const MOST_BYTES: u64 = 32 << 20;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Last {
    v: u32,
    pub plan: Plan,
    pub files: Files,
}

impl Last {
    pub fn new(plan: Plan, files: Files) -> Self {
        Last { v: VERSION, plan, files }
    }
}

/// `None` before the first build, and where another version of xii wrote it.
pub fn read(cache: &Path) -> Option<Last> {
    let last: Last = serde_json::from_slice(&fs::read(cache.join(FILE)).ok()?).ok()?;
    (last.v == VERSION).then_some(last)
}

pub fn remember(cache: &Path, last: &Last) -> Result<(), Failure> {
    let (place, new) = (cache.join(FILE), cache.join(format!("{FILE}.new")));
    let text = serde_json::to_vec(last)
        .map_err(|error| Failure::internal("a plan cannot be written").because(error))?;
    fs::write(&new, text).map_err(failed("write", &new))?;
    fs::rename(&new, &place).map_err(failed("write", &place))
}

/// Every file of a source tree, before a build works in it.
pub fn files(source: &Path) -> Result<Files, Failure> {
    let mut found = Files::new();
    let mut left = MOST_BYTES;
    walk(source, &mut |path, meta| {
        if meta.is_dir() || path == source {
            return Ok(true);
        }
        let below = path.strip_prefix(source).unwrap_or(path).to_string_lossy().into_owned();
        let is_read = meta.is_file() && meta.len() <= left && found.len() < MOST_FILES;
        let content = match is_read {
            true => Digest::of(&fs::read(path).map_err(failed("read", path))?).short(),
            false => format!("{} bytes", meta.len()),
        };
        left -= if is_read { meta.len() } else { 0 };
        found.insert(below, content);
        Ok(true)
    })?;
    Ok(found)
}

/// What is true of this server for this plan.
pub fn kept(home: &Home, cache: &Path, plan: &Plan, files: Files) -> Facts {
    let layers = plan.stages.iter().filter_map(|stage| stage.layer.as_ref());
    let there = layers.filter(|layer| layer::find(home, cache, layer).is_some());
    Facts { files, kept: there.map(|layer| layer.key).collect(), taken: None }
}

#[cfg(test)]
mod tests {
    use super::super::super::below::Below;
    use super::*;

    #[test]
    fn what_is_remembered_is_read_again_and_of_another_version_it_is_nothing() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read(dir.path()), None);
        let files = Files::from([("a.py".to_string(), "1".to_string())]);
        let last = Last::new(Plan::begin(Below::default()), files);
        remember(dir.path(), &last).unwrap();
        assert_eq!(read(dir.path()), Some(last.clone()));
        remember(dir.path(), &Last { v: VERSION + 1, ..last }).unwrap();
        assert_eq!(read(dir.path()), None);
    }

    #[test]
    fn files_are_told_apart_by_what_is_in_them() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("deep")).unwrap();
        fs::write(dir.path().join("deep/a"), "1").unwrap();
        std::os::unix::fs::symlink("/nowhere", dir.path().join("link")).unwrap();
        let before = files(dir.path()).unwrap();
        assert_eq!(before.keys().collect::<Vec<_>>(), ["deep/a", "link"]);
        fs::write(dir.path().join("deep/a"), "2").unwrap();
        assert_ne!(files(dir.path()).unwrap()["deep/a"], before["deep/a"]);
    }
}
