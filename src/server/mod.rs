//! The control API: typed requests in, one call, typed answers out.

pub mod api;
mod settings;

pub use settings::{LogLevel, RequiredIsolation, ServerSettings};

use crate::app::Failure;

/// Runs until it is told to go.
pub fn main(settings: ServerSettings) -> Result<(), Failure> {
    Err(Failure::internal(format!("no server for {}", settings.home.display())))
}
