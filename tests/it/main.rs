//! Integration tests: the built binary, real processes and sockets.

mod attached;
mod begin;
mod firewall;
mod keeper;
mod limits;
mod sandbox;
mod stage;
