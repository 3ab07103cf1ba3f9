//! What a keeper is told at its start, over a pipe: secrets never touch argv or disk.

use crate::app::{DeployRef, InstanceId, ReleaseNumber};
use crate::sandbox::{Env, Sandbox};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// The version of the spec and of the protocol.
pub const VERSION: u32 = super::protocol::VERSION;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct KeeperSpec {
    pub v: u32,
    pub deploy: DeployRef,
    /// One-offs use the process types `run` and `release`, builds `build`.
    pub instance: InstanceId,
    /// `None` for a build.
    pub release: Option<ReleaseNumber>,
    /// Random; a record is believed only when the keeper answers with it.
    pub nonce: String,
    /// What the router reaches it by; recorded, not interpreted.
    pub port: Option<u16>,
    /// The control socket to listen on (unix, seqpacket).
    pub socket: PathBuf,
    /// Where to write the instance record.
    pub record: PathBuf,
    pub sandbox: Sandbox,
    /// `["sh", "-c", "…"]` for a Procfile command.
    pub argv: Vec<String>,
    pub env: Env,
    pub output: Output,
    pub restart: Restart,
    /// SIGTERM to kill, in milliseconds.
    pub stop_window_ms: u64,
    /// When set, descriptor 6 is the read end of a pipe whose writer is the starter: at its
    /// end of file the keeper runs the stop sequence. For builds and `xii run`.
    pub attached: bool,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Output {
    /// Stamped and appended below this folder, one folder per deploy: `logs/<app>/<deploy>`.
    /// `label` is `app[web.1]`.
    Log { dir: PathBuf, label: String },
    /// Descriptors 3, 4, 5 of the keeper become stdin, stdout, stderr of the process.
    Passed,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Restart {
    /// At once the first time, then `first_ms` doubling with jitter up to `most_ms`, reset
    /// after `healthy_ms` alive.
    Always {
        first_ms: u64,
        most_ms: u64,
        healthy_ms: u64,
    },
    Never,
}
