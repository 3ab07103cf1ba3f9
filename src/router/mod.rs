//! Factor VII: an app is reached through a port that the platform gives it; this room is
//! the way from a host name to that port.
//!
//! Two processes: `xii router` serves clients as a user of its own, and `xii keep-router`
//! holds the listening sockets and starts it. Neither needs the server. Nothing in here may
//! trust a client, write a log from the hot path, or send a request twice that may not be.

mod access;
mod body;
mod boot;
mod client;
mod code;
mod control;
mod flight;
mod forward;
mod frames;
mod handle;
mod headers;
mod heads;
mod keep;
mod keep_child;
mod keep_log;
mod listen;
mod page;
mod pool;
mod probe;
mod record;
mod routes;
mod serve;
mod settings;
mod sockets;
mod start;
mod stats;
mod table;
mod tap;
mod tunnel;
mod wire;
mod worker;

pub use client::{Client, KeeperClient, KeeperStatus};
pub use control::{InFlight, RouterStatus};
pub use keep::main as keep_router;
pub use probe::ProbeResult;
pub use record::{KeepRouterRecord, is_kept, last_http};
pub use serve::main as route;
pub use settings::{KeepRouterSpec, Timing};
pub use start::start;
pub use stats::Stats;
pub use table::{Service, State, Table, Target};
