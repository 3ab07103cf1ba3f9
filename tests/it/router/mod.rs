//! The router and its keeper as real processes between real sockets.

mod closing;
mod control;
mod descriptors;
mod handover;
pub mod harness;
mod load;
mod logs;
mod patience;
mod rules;
mod streams;
mod upstreams;
mod websockets;
