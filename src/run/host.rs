//! What every part of a running host needs: where things are and who may use what.

use super::{Boots, Routes};
use crate::app::{DeployName, DeployRef};
use crate::config::Key;
use crate::sandbox::Level;
use crate::store::{Block, Home, Ledger};
use std::path::PathBuf;
use std::sync::Arc;

pub struct Host {
    pub home: Home,
    pub ledger: Ledger,
    pub key: Key,
    pub block: Block,
    pub level: Level,
    /// Cgroups can be made here.
    pub limits: bool,
    /// A cgroup's ports can be guarded here, so none may be without.
    pub guards_ports: bool,
    /// The xii binary new keepers are started from.
    pub exe: PathBuf,
    pub routes: Routes,
    pub addressing: Addressing,
    pub boots: Arc<Boots>,
}

/// How a deploy is reached.
#[derive(Debug, Clone)]
pub struct Addressing {
    /// What the router listens on.
    pub http: std::net::SocketAddr,
    pub base_domain: String,
}

impl Addressing {
    /// `guestbook.localhost`, `staging.guestbook.localhost`
    pub fn host_name(&self, deploy: &DeployRef) -> String {
        if deploy.deploy == DeployName::production() {
            format!("{}.{}", deploy.app, self.base_domain)
        } else {
            format!("{}.{}.{}", deploy.deploy, deploy.app, self.base_domain)
        }
    }

    pub fn url(&self, deploy: &DeployRef) -> String {
        match self.http.port() {
            80 => format!("http://{}/", self.host_name(deploy)),
            port => format!("http://{}:{port}/", self.host_name(deploy)),
        }
    }
}

impl Host {
    /// The cgroup of one keeper's process.
    pub fn cgroup(&self, keeper: u64) -> Option<String> {
        let limited = self.level == Level::Full && self.limits;
        limited.then(|| format!("{}/{keeper}", self.home.cgroup()))
    }
}
