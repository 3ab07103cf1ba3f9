//! The routing table of the whole host, and its publication. Every deploy changes only its
//! own entry; a change counts when all living routers have acknowledged it.

use crate::app::{DeployRef, Failure};
use crate::router::{Client, Service, State, Table, Target};
use std::collections::{BTreeMap, BTreeSet};
use tokio::sync::Mutex;

pub struct Routes {
    pub client: Client,
    /// A lone app also answers hosts nobody has.
    lone: bool,
    inner: Mutex<Inner>,
}

struct Inner {
    generation: u64,
    services: BTreeMap<DeployRef, Service>,
    /// What the routers have acknowledged; a publication that failed is sent again.
    acknowledged: u64,
}

impl Routes {
    /// `last` is the table of the server before this one: its generation must be passed.
    pub fn new(client: Client, lone: bool, last: Option<Table>) -> Self {
        let last = last.unwrap_or_default();
        let services = last.services.into_iter().map(|s| (s.deploy.clone(), s)).collect();
        let inner = Inner { generation: last.generation, services, acknowledged: 0 };
        Routes { client, lone, inner: Mutex::new(inner) }
    }

    /// The instances the last published table lists for a deploy.
    pub async fn listed(&self, deploy: &DeployRef) -> Vec<Target> {
        let inner = self.inner.lock().await;
        inner.services.get(deploy).map(|s| s.instances.clone()).unwrap_or_default()
    }

    /// Replaces a deploy's entry and returns when every router uses it.
    pub async fn publish(&self, service: Service) -> Result<(), Failure> {
        let mut inner = self.inner.lock().await;
        let known = inner.services.get(&service.deploy) == Some(&service);
        if known && inner.acknowledged == inner.generation {
            return Ok(());
        }
        inner.services.insert(service.deploy.clone(), service);
        self.send(&mut inner).await
    }

    /// Forgets a destroyed deploy.
    pub async fn remove(&self, deploy: &DeployRef) -> Result<(), Failure> {
        let mut inner = self.inner.lock().await;
        inner.services.remove(deploy);
        self.send(&mut inner).await
    }

    /// Drops entries of deploys that exist no more, at a server's start.
    pub async fn keep_only(&self, deploys: &[DeployRef]) -> Result<(), Failure> {
        let mut inner = self.inner.lock().await;
        let deploys: BTreeSet<_> = deploys.iter().collect();
        inner.services.retain(|deploy, _| deploys.contains(deploy));
        self.send(&mut inner).await
    }

    async fn send(&self, inner: &mut Inner) -> Result<(), Failure> {
        inner.generation += 1;
        let table = Table {
            generation: inner.generation,
            services: inner.services.values().cloned().collect(),
            alone: self.alone(&inner.services),
        };
        self.client.publish(&table).await?;
        inner.acknowledged = inner.generation;
        Ok(())
    }

    fn alone(&self, services: &BTreeMap<DeployRef, Service>) -> Option<DeployRef> {
        let mut serving = services.values().filter(|s| s.state != State::NoProcesses);
        match (self.lone, serving.next(), serving.next()) {
            (true, Some(only), None) => Some(only.deploy.clone()),
            _ => None,
        }
    }
}
