//! Integration tests: the built binary, real processes and sockets.

mod keeper;
mod sandbox;
mod stage;
