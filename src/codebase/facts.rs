//! What is known of a source tree besides its bytes.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    pub commit: String,
    /// Object id of the deployed tree (of the sub-folder, when there is one).
    pub tree: String,
    /// Root commits, sorted; empty for a shallow clone.
    pub roots: Vec<String>,
    pub shallow: bool,
    /// Relative, `/`-separated, without a trailing slash.
    pub subdir: Option<String>,
    pub branch: Option<String>,
    pub author: String,
    /// Seconds since 1970.
    pub author_time: i64,
    pub commit_time: i64,
    pub subject: String,
    /// Uncommitted changes are part of the tree (`--dirty`).
    pub dirty: bool,
}
