//! The control API: typed requests in, one call, typed answers out. A handler extracts,
//! calls a room to its left and converts; it decides nothing.

mod answer;
pub mod api;
mod api_stacks;
mod boot;
mod changes;
mod codebases;
mod doctor;
mod export;
mod hold;
mod http;
mod log;
mod notify;
mod one_off;
mod operations;
mod pieces;
mod promote;
mod reads;
mod recover;
mod router;
mod settings;
mod stacks;
mod streams;
mod upload;

pub use boot::main;
pub use doctor::isolation_checks;
pub use hold::hold_instances;
pub use log::Log;
pub use pieces::Pieces;
pub use settings::{LogLevel, RequiredIsolation, ServerSettings};
