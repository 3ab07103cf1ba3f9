//! One instance's parent. It owns restart, back-off and stop; the server owns existence.
//! A keeper outlives the server that started it and the binary it came from, so its
//! protocol is frozen, and nothing here may need the server.

mod spec;

pub use spec::{KeeperSpec, Output, Restart};
