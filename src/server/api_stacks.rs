//! What crosses the control socket about stacks.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Stacks {
    /// The fingerprint of the host's own system: `package version` pairs.
    pub host: String,
    pub host_releases: u64,
    /// Root file systems of Debian packages, the newest of each suite first.
    pub stacks: Vec<StackInfo>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StackInfo {
    /// `debian-12`
    pub name: String,
    pub digest: String,
    /// The packages asked for beyond the base.
    pub declared: Vec<String>,
    /// All that is in it: name → version.
    pub packages: BTreeMap<String, String>,
    pub size_bytes: u64,
    pub made_at: Timestamp,
    /// What a build that asks for these packages gets now.
    pub newest: bool,
    /// That need it: the kept ones, and whatever runs.
    pub releases: u64,
    /// Whose they are: `shop/production`
    pub deploys: Vec<String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct StacksUpgrade {
    /// `debian-12`; `None`: every stack.
    #[serde(default)]
    pub name: Option<String>,
    /// Move the deploys too.
    #[serde(default)]
    pub rebase: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StackName {
    /// Of a stack, or its beginning.
    pub digest: String,
}
