//! Integration tests: the built binary, real processes and sockets.

mod build;
mod keeper;
mod router;
mod sandbox;
mod stage;
