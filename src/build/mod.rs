//! (room not written yet)

pub mod static_server;
