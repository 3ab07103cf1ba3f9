//! What a change works with: the running host and what builds need besides.

use crate::build::Toolchains;
use crate::build::stack::Archive;
use crate::run::{Deploys, Host};
use std::sync::Arc;

pub struct Platform {
    pub deploys: Deploys,
    /// Found once, when the server starts.
    pub toolchains: Toolchains,
    /// Where stacks have their packages from.
    pub archive: Archive,
    /// Builds made again share one set of empty caches.
    pub verifying: tokio::sync::Mutex<()>,
}

impl Platform {
    pub fn host(&self) -> &Arc<Host> {
        &self.deploys.host
    }
}
