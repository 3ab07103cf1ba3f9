//! Integration tests: the built binary, real processes and sockets.

mod attached;
mod firewall;
mod keeper;
mod sandbox;
mod stage;
