//! What a change did, measured: printed after every deploy, kept with its operation.

use crate::app::{DeployRef, ReleaseNumber};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    pub deploy: DeployRef,
    /// The release that serves now; `None` when the change made none and there was none.
    pub release: Option<ReleaseNumber>,
    /// The release that served before.
    pub before: Option<ReleaseNumber>,
    /// `deployed`, `rolled back`, `scaled`, `config changed`, `restarted`, …
    pub done: String,
    /// The last 60 s before the change.
    pub traffic_before: Traffic,
    /// From the start of the change to its end.
    pub traffic_during: Traffic,
    pub boots: Vec<BootTime>,
    pub phases: Vec<PhaseTime>,
    pub total_ms: u64,
    pub url: Option<String>,
    /// `identical; host unchanged`, release phases run since a rollback's target, …
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// What the router saw in a span of time.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Traffic {
    pub requests: u64,
    /// Answered by the platform with an error, or broken off by the app.
    pub failed: u64,
    pub p50_ms: Option<f64>,
    pub p99_ms: Option<f64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BootTime {
    /// `web.1`
    pub instance: String,
    /// From the start of its process to its first good answer.
    pub ms: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PhaseTime {
    pub name: String,
    pub ms: u64,
}
