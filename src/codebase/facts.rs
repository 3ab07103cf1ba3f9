//! What is known about the source of a release.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    pub commit: String,
    /// git's id of the deployed folder's tree in that commit.
    pub tree: String,
    /// The commits without a parent, sorted: what makes two checkouts one codebase. Empty when
    /// the clone is shallow, because it does not have them.
    pub roots: Vec<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shallow: bool,
    /// Of a monorepo; relative to the repository's top.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subdir: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    pub author: String,
    pub author_time: Timestamp,
    pub commit_time: Timestamp,
    pub subject: String,
    /// The files were taken from the working tree, not from the commit.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dirty: bool,
    /// What differs from the commit, at most [`DIRTY_SHOWN`] names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dirty_files: Vec<String>,
}

/// Enough to see what it is about.
pub const DIRTY_SHOWN: usize = 10;
