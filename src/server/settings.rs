//! What a server is told at its start. The command line reads the environment and fills
//! this in, so that the server itself never looks there.

use crate::build::stack::Archive;
use std::net::SocketAddr;
use std::path::PathBuf;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerSettings {
    /// `XII_HOME`: the ledger, builds, logs.
    pub home: PathBuf,
    /// Sockets and records live in `<run_base>/<id of the home>`, gone with a reboot.
    pub run_base: PathBuf,
    /// `XII_CGROUP`: a cgroup of v2 that was given to us, in which apps run; else the root.
    pub cgroup: Option<String>,
    /// `NOTIFY_SOCKET`: who wants to know when the server serves.
    pub notify: Option<PathBuf>,
    /// Where the router listens.
    pub http: SocketAddr,
    /// `guestbook.<base_domain>`
    pub base_domain: String,
    pub isolation: RequiredIsolation,
    /// `None`: `key` in the home.
    pub key_file: Option<PathBuf>,
    /// Where toolchains are looked for, as in `PATH`.
    pub path: String,
    /// `XII_DEBIAN_MIRROR`; without it, as the host's apt is configured.
    pub archive: Archive,
    pub log_level: LogLevel,
    /// This very binary: keepers and the router are started from it.
    pub exe: PathBuf,
    /// An app that is alone on this server also answers at the plain address.
    pub lone: bool,
}

/// What the server asks of the machine before it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequiredIsolation {
    /// Refuse to start below [`crate::sandbox::Level::Full`].
    Full,
    /// Take what the machine allows, and say what that is.
    BestEffort,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
}

impl LogLevel {
    /// As in `XII_LOG`.
    pub fn word(self) -> &'static str {
        match self {
            LogLevel::Error => "error",
            LogLevel::Warn => "warn",
            LogLevel::Info => "info",
            LogLevel::Debug => "debug",
        }
    }
}
