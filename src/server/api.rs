//! What crosses the control socket: HTTP/1.1 with JSON below `/v1`.
//!
//! A read answers at once. A change is `POST` → `202 {operation}`; its events are lines of
//! JSON at `/v1/operations/ID/events?after=SEQ`. Every error body is a [`crate::app::Failure`].
//!
//! | method, path | request | answer |
//! |---|---|---|
//! | GET `/v1/health` | | [`Health`] |
//! | GET `/v1/doctor` | | [`Doctor`] |
//! | GET `/v1/stacks` | | [`Stacks`] |
//! | POST `/v1/stacks/upgrade`, `…/verify`, `…/prune` | [`StacksUpgrade`], [`StackName`], `{}` | [`Changed`] |
//! | POST `/v1/resolve` | [`Resolve`] | [`Resolved`] |
//! | GET `/v1/apps` | | `[AppSummary]` |
//! | POST `/v1/apps` | [`Create`] | [`DeployInfo`] |
//! | DELETE `/v1/apps/APP` | | [`Accepted`] |
//! | GET `/v1/deploys?app=APP` | | `[DeployInfo]` |
//! | GET, DELETE `/v1/apps/APP/DEPLOY` | | [`DeployInfo`], [`Accepted`] |
//! | GET `…/ps` | | [`Processes`] |
//! | POST `…/scale` | [`Scale`] | [`Changed`] |
//! | POST `…/restart`, `…/stop`, `…/start` | [`Target`] | [`Changed`] |
//! | GET `…/config?reveal=true` | | [`Config`] |
//! | POST `…/config` | [`ConfigChange`] | [`Changed`] |
//! | GET `…/releases`, `…/releases/7` | | `[ReleaseInfo]`, [`ReleaseInfo`] |
//! | GET `…/releases/diff?from=3&to=7` | | [`ReleaseDiff`] |
//! | GET `…/releases/verify` | | [`Verified`] |
//! | GET `…/image?release=7` | | an OCI image layout as a tar; its digest in header `xii-image` |
//! | POST `…/rollback` | [`Rollback`] | [`Changed`] |
//! | POST `…/promote`, of the source | [`Promote`] | [`Changed`] |
//! | POST `…/deploy` | one line of JSON ([`DeployHead`]), then a tar stream | [`Changed`] |
//! | POST `/v1/build-plan` | the same stream | the build plan as JSON |
//! | GET `…/logs?n=100&follow=true&source=app&process=web.1` | | lines of text |
//! | POST `…/run` | [`Run`] in header `xii-run`, `Upgrade: xii-run` | frames, see [`frame`] |
//! | GET `/v1/operations/ID` | | [`Operation`] |
//! | GET `/v1/operations/ID/events?after=0` | | lines of [`Event`] |
//! | POST `/v1/operations/ID/cancel` | | `{}` |
//! | POST `/v1/down` | | [`Accepted`]; the server ends when it is done |

pub use super::api_stacks::{StackInfo, StackName, Stacks, StacksUpgrade};
use crate::app::{AppName, ConfigKey, DeployName, DeployRef, Failure, ReleaseNumber};
use crate::codebase::Facts;
pub use crate::deploy::{Event, Receipt, What};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Health {
    pub version: String,
    pub pid: u32,
    pub home: String,
    pub home_id: String,
    /// `http://127.0.0.1:8080`
    pub http: String,
    pub base_domain: String,
    /// `full` or `user-namespace`
    pub isolation: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Doctor {
    pub checks: Vec<DoctorCheck>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DoctorCheck {
    pub name: String,
    pub ok: bool,
    /// What was found.
    pub found: String,
    /// What to do, when it is not ok.
    pub remedy: Option<String>,
}

/// Which deploy is meant (DESIGN: `-a`, XII_APP, xii.toml's `app`, the codebase, the folder).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Resolve {
    /// From `-a`, XII_APP or xii.toml, already in that order.
    pub app: Option<AppName>,
    pub deploy: Option<DeployName>,
    /// Of the checkout the command runs in, if any.
    pub roots: Vec<String>,
    pub subdir: Option<String>,
    pub folder: Option<String>,
    /// Set by `xii deploy`: an unknown app is then made instead of refused.
    pub first_deploy: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Resolved {
    pub deploy: DeployRef,
    /// It does not exist yet; the deploy will make it.
    pub new: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Create {
    pub app: AppName,
    pub deploy: Option<DeployName>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct AppSummary {
    pub app: AppName,
    pub deploys: Vec<DeployName>,
    pub roots: Vec<String>,
    pub subdir: Option<String>,
    pub created_at: Timestamp,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DeployInfo {
    pub deploy: DeployRef,
    pub url: String,
    pub release: Option<ReleaseNumber>,
    pub commit: Option<String>,
    pub subject: Option<String>,
    pub released_at: Option<Timestamp>,
    pub stack: String,
    /// Process type → wanted number.
    pub formation: BTreeMap<String, u32>,
    pub commands: BTreeMap<String, String>,
    /// `up`, `starting`, `crashed`, `stopped`, `empty`
    pub state: String,
    pub created_at: Timestamp,
    /// The operation under way, if any.
    pub operation: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Processes {
    pub deploy: DeployRef,
    pub isolation: String,
    pub formation: BTreeMap<String, u32>,
    pub commands: BTreeMap<String, String>,
    pub instances: Vec<InstanceStatus>,
    /// Instances that are wanted and could not be started.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_started: Vec<NotStarted>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct NotStarted {
    /// `web.1`
    pub name: String,
    pub failure: Failure,
    pub retry_at: Timestamp,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct InstanceStatus {
    /// `web.1`
    pub name: String,
    pub release: ReleaseNumber,
    /// `starting`, `up`, `draining`, `stopping`, `crashed`, `stopped`
    pub state: String,
    /// For people: `restarting in 18s (4th time): exit 1`
    pub detail: Option<String>,
    pub since: Timestamp,
    pub port: Option<u16>,
    pub pid: Option<u32>,
    pub keeper: u64,
    pub restarts: u32,
    pub memory_bytes: Option<u64>,
    pub in_flight: u64,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Scale {
    /// `web=3`, `worker+1`, `web-1`; checked by the server against the known types.
    pub changes: Vec<String>,
    #[serde(flatten)]
    pub how: How,
}

/// What every change takes.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct How {
    /// Say what would be done; do nothing.
    #[serde(default)]
    pub plan: bool,
    /// Queue behind a change under way instead of being refused.
    #[serde(default)]
    pub wait: bool,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Target {
    /// `web`, `web.1`, or everything.
    pub process: Option<String>,
    #[serde(flatten)]
    pub how: How,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Config {
    pub deploy: DeployRef,
    pub release: Option<ReleaseNumber>,
    /// Values only when asked for with `reveal=true`.
    pub values: BTreeMap<String, Option<String>>,
}

#[derive(Clone, Serialize, Deserialize)]
pub struct ConfigChange {
    #[serde(default)]
    pub set: BTreeMap<ConfigKey, String>,
    #[serde(default)]
    pub unset: Vec<ConfigKey>,
    /// `--no-restart`: the release is made, running instances keep the old one.
    #[serde(default)]
    pub no_restart: bool,
    #[serde(flatten)]
    pub how: How,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReleaseInfo {
    pub number: ReleaseNumber,
    pub current: bool,
    /// `active`, `pending`, `failed`
    pub status: String,
    pub why_failed: Option<String>,
    /// `deploy 1a2b3c4`, `set A, B`, `rollback to v3`, `promote staging v7`
    pub reason: String,
    pub by: String,
    pub created_at: Timestamp,
    pub build: Option<String>,
    pub stack: String,
    pub commit: Option<String>,
    pub subject: Option<String>,
    pub branch: Option<String>,
    pub dirty: bool,
    pub config_names: Vec<String>,
    pub commands: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ReleaseDiff {
    pub from: ReleaseNumber,
    pub to: ReleaseNumber,
    /// Lines for people, such as `config  + DATABASE_URL`, never a value. Empty: no difference.
    pub lines: Vec<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Verified {
    pub releases: u64,
    /// Those on the disk.
    #[serde(default)]
    pub builds: u64,
    /// Empty when the chain holds and the builds are what their digests say.
    pub problems: Vec<String>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Rollback {
    pub to: Option<ReleaseNumber>,
    #[serde(default)]
    pub release_phase: bool,
    #[serde(flatten)]
    pub how: How,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Promote {
    /// The deploy that gets the release; production unless it says otherwise.
    pub to: Option<DeployName>,
    #[serde(flatten)]
    pub how: How,
}

/// The head of the deploy stream.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DeployHead {
    pub facts: Facts,
    #[serde(flatten)]
    pub how: How,
}

/// The answer to a change.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Changed {
    /// Follow it at `/v1/operations/ID/events`.
    Operation(String),
    /// `--plan`: what would be done, for people.
    Plan(Vec<String>),
    /// Nothing to do, and why.
    Unchanged(String),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Accepted {
    pub operation: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Operation {
    pub id: String,
    pub deploy: Option<DeployRef>,
    /// `deploy`, `scale`, …
    pub kind: String,
    /// `running`, `done`, `failed`, `cancelled`, `interrupted`
    pub state: String,
    pub started_at: Timestamp,
    pub finished_at: Option<Timestamp>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Run {
    pub argv: Vec<String>,
    /// Added to the environment, for this one-off only.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
}

/// The frames of `…/run`, both ways: kind (1 byte), length (4 bytes, big endian), payload.
pub mod frame {
    /// Client → server: bytes of stdin; an empty payload is its end.
    pub const STDIN: u8 = 0;
    /// Server → client.
    pub const STDOUT: u8 = 1;
    pub const STDERR: u8 = 2;
    /// Client → server: one byte, the signal's number.
    pub const SIGNAL: u8 = 3;
    /// Server → client: JSON `{"code":0}` or `{"signal":9}`; the last frame.
    pub const EXIT: u8 = 4;
    /// Server → client: a `Failure` as JSON; the last frame.
    pub const FAILURE: u8 = 5;
    /// Longer payloads are a protocol error.
    pub const MOST: usize = 1 << 20;
}
