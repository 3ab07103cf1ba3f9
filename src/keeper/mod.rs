//! One instance's parent. It owns restart, back-off and stop; the server owns existence.
//! A keeper outlives the server that started it and the binary it came from, so its
//! protocol is frozen, and nothing here may need the server.

mod attached;
mod begin;
mod client;
mod clients;
mod incarnation;
mod life;
mod machine;
mod output;
mod protocol;
mod record;
mod spec;
mod start;
mod status;
mod wait;
mod words;

pub use attached::{Cancel, Stream, run_attached};
pub use begin::main;
pub use client::{Client, Connection};
pub use protocol::{Answer, Exit, Notice, Request, StateWord, Status};
pub use record::{Record, records};
pub use spec::{KeeperSpec, Output, Restart, VERSION};
pub use start::{Started, start, undo};
pub use words::ordinal;

use std::os::fd::OwnedFd;

/// Descriptors a keeper was given at its start.
struct Passed {
    stdio: Option<[OwnedFd; 3]>,
    lifeline: Option<OwnedFd>,
}

/// An I/O error that says which file it is about.
fn named(path: &std::path::Path, error: std::io::Error) -> std::io::Error {
    std::io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}
