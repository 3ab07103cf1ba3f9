//! What the router and its keeper are told at their start.

use crate::sandbox::User;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// `xii keep-router` reads this as JSON on stdin.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct KeepRouterSpec {
    pub v: u32,
    /// Where clients connect. Port 0 takes a free one.
    pub http: SocketAddr,
    /// Listening sockets, and threads of a router.
    pub threads: usize,
    /// Control sockets of routers and `routes.json`; given to the router's user.
    pub router_dir: PathBuf,
    /// `XII_HOME/logs`
    pub logs_dir: PathBuf,
    /// The keeper's own control socket.
    pub socket: PathBuf,
    /// Where the keeper writes its record.
    pub record: PathBuf,
    /// The program to start routers from: a path, so that an upgrade takes effect.
    pub exe: PathBuf,
    /// `None`: the keeper's own user.
    pub user: Option<User>,
    #[serde(default)]
    pub timing: Timing,
    /// The home's cgroup, where there is one.
    #[serde(default)]
    pub cgroup: Option<String>,
}

/// What a router is told.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RouterSpec {
    pub v: u32,
    /// Unique among the routers of this keeper; names the control socket.
    pub number: u64,
    pub http: SocketAddr,
    pub router_dir: PathBuf,
    /// Listening sockets: descriptors 3 and up.
    pub sockets: usize,
    /// Whom to become.
    pub user: Option<User>,
    pub timing: Timing,
}

impl RouterSpec {
    /// The router's control socket.
    pub fn socket(&self) -> PathBuf {
        self.router_dir.join(format!("{}.sock", self.number))
    }
}

/// Every wait of the router, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Timing {
    /// From the whole request sent to the first byte of the answer: H12.
    pub first_byte_ms: u64,
    /// Silence once the answer has begun, or in an upload: H15, H28.
    pub idle_ms: u64,
    /// From a connection's last answer to the next whole request head.
    pub head_ms: u64,
    pub connect_ms: u64,
    /// How long a request waits for an app that is starting: H20.
    pub boot_ms: u64,
    /// How many requests of a thread may wait so: H11.
    pub boot_most: u32,
    /// How long an instance that refused a connection comes last.
    pub suspect_ms: u64,
    /// How long a replaced router serves the connections it has.
    pub drain_ms: u64,
    /// How long connections get to end after that.
    pub close_ms: u64,
    /// How long a router goes on without its keeper.
    pub orphan_ms: u64,
}

impl Default for Timing {
    fn default() -> Self {
        Timing {
            first_byte_ms: 30_000,
            idle_ms: 55_000,
            head_ms: 60_000,
            connect_ms: 5_000,
            boot_ms: 20_000,
            boot_most: 256,
            suspect_ms: 1_000,
            drain_ms: 90_000,
            close_ms: 5_000,
            orphan_ms: 30_000,
        }
    }
}

impl Timing {
    pub fn first_byte(&self) -> Duration {
        Duration::from_millis(self.first_byte_ms)
    }

    pub fn idle(&self) -> Duration {
        Duration::from_millis(self.idle_ms)
    }
}
