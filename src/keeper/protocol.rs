//! Keeper protocol v1, one JSON object per seqpacket message. Frozen: a keeper outlives the
//! server that started it, and the next server's binary must still drive it. Fields may be
//! added, never renamed or removed; unknown fields are ignored on both sides.

use crate::sandbox::SETUP_FAILED;
use serde::{Deserialize, Serialize};

pub const VERSION: u32 = 1;
/// No message is longer.
pub const MOST_BYTES: usize = 16 * 1024;

/// What is asked of a keeper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "kebab-case")]
pub enum Request {
    Status,
    /// SIGTERM, then SIGKILL after the window; without one, the window of the spec.
    Stop {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        window_ms: Option<u64>,
    },
    Kill,
    /// Stop, then start again at once.
    Restart,
    Signal {
        signal: i32,
    },
}

/// What a keeper sends: an answer to each request, in order, and every notice to every
/// client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Message {
    Notice(Notice),
    Answer(Answer),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub enum Answer {
    Accepted,
    Refused { reason: String },
    Status(Status),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Notice {
    /// The program runs.
    Started { incarnation: u64 },
    /// It has been alive for a second.
    Ready,
    /// The main process ended and nothing it left behind is alive.
    Exited(Exit),
    /// `at` in milliseconds since 1970; `n`-th time in a row.
    Restarting { at: u64, n: u64 },
    /// By request: nothing will be started again.
    Stopped,
}

/// How a main process ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Exit {
    pub code: Option<i32>,
    pub signal: Option<i32>,
    /// The kernel killed a process of the instance for want of memory.
    pub oom: bool,
    /// Why the program could not be started: `step: cause`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Exit {
    /// As a shell tells it: the code, or 128 and the signal's number.
    pub fn status(&self) -> i32 {
        self.code.or(self.signal.map(|signal| 128 + signal)).unwrap_or(-1)
    }

    /// Why no sandbox could be made for it: nothing that the app has done.
    pub fn unmade(&self) -> Option<&str> {
        self.reason.as_deref().filter(|_| self.code == Some(SETUP_FAILED))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StateWord {
    Starting,
    Running,
    /// On request.
    Stopping,
    /// The main process ended; what it left behind is being killed.
    Exiting,
    BackingOff,
    /// Final, for a process that is not restarted.
    Exited,
    /// Final, by request.
    Stopped,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    pub nonce: String,
    pub state: StateWord,
    /// Counts the starts, from 1.
    pub incarnation: u64,
    /// On the host; absent while there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub main_pid: Option<i32>,
    /// Alive for a second.
    #[serde(default)]
    pub ready: bool,
    /// Of this incarnation, milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<u64>,
    #[serde(default)]
    pub restarts: u64,
    /// Milliseconds since 1970, while backing off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart_at: Option<u64>,
    /// Crashes in a row.
    #[serde(default)]
    pub crashes: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_exit: Option<Exit>,
}

#[derive(Serialize, Deserialize)]
struct Versioned<T> {
    v: u32,
    #[serde(flatten)]
    body: T,
}

pub fn encode<T: Serialize>(body: &T) -> Vec<u8> {
    serde_json::to_vec(&Versioned { v: VERSION, body }).unwrap_or_default()
}

/// The error is a sentence for the other side.
pub fn decode<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    match serde_json::from_slice::<Versioned<T>>(bytes) {
        Ok(Versioned { v: VERSION, body }) => Ok(body),
        Ok(Versioned { v, .. }) => Err(format!("protocol version {v}, this is {VERSION}")),
        Err(error) => Err(format!("not a message of keeper protocol v{VERSION}: {error}")),
    }
}

#[cfg(test)]
mod tests;
