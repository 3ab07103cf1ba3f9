//! What a change works with: the running host and what builds need besides.

use super::building::try_out;
use crate::app::Failure;
use crate::build::Toolchains;
use crate::build::stack::Archive;
use crate::run::{Deploys, Host};
use std::sync::{Arc, OnceLock};

pub struct Platform {
    pub deploys: Deploys,
    /// Found once, when the server starts; not tried out yet.
    pub found: Toolchains,
    tried: OnceLock<Toolchains>,
    /// Where stacks have their packages from.
    pub archive: Archive,
    /// Builds made again share one set of empty caches.
    pub verifying: tokio::sync::Mutex<()>,
}

impl Platform {
    pub fn new(deploys: Deploys, found: Toolchains, archive: Archive) -> Self {
        Platform { deploys, found, tried: OnceLock::new(), archive, verifying: Default::default() }
    }

    pub fn host(&self) -> &Arc<Host> {
        &self.deploys.host
    }

    /// What builds can choose from: tried out at the first call, which is the server's start,
    /// or later where nothing could be run then. Blocks for the time that takes.
    pub fn toolchains(&self) -> Result<&Toolchains, Failure> {
        if let Some(tried) = self.tried.get() {
            return Ok(tried);
        }
        let host = self.host();
        let tried = tokio::task::block_in_place(|| {
            self.found.clone().probe(&mut |command, line| try_out(host, command, line))
        })?;
        Ok(self.tried.get_or_init(|| tried))
    }
}
