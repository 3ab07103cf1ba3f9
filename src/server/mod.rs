//! The control API: typed requests in, one call, typed answers out.

pub mod api;
mod settings;

pub use settings::{LogLevel, RequiredIsolation, ServerSettings};
