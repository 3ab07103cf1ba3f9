//! The routing table of the whole host, and its publication. Every deploy changes only its
//! own entry; a change counts when all living routers have acknowledged it.

use crate::app::{DeployRef, Failure};
use crate::router::{Client, Service, State, Table, Target};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{MutexGuard, PoisonError};
use tokio::sync::Mutex;

pub struct Routes {
    pub client: Client,
    /// A lone app also answers hosts nobody has.
    lone: bool,
    wanted: std::sync::Mutex<Wanted>,
    /// Which change the routers have acknowledged; held while a table is under way, so that
    /// all changes that come meanwhile go out together in the next one.
    acknowledged: Mutex<u64>,
}

struct Wanted {
    /// Of the last table that was sent, or is being sent.
    generation: u64,
    services: BTreeMap<DeployRef, Service>,
    /// Counts the changes.
    change: u64,
}

impl Routes {
    /// `last` is the table of the server before this one: its generation must be passed.
    pub fn new(client: Client, lone: bool, last: Option<Table>) -> Self {
        let last = last.unwrap_or_default();
        let services = last.services.into_iter().map(|s| (s.deploy.clone(), s)).collect();
        // Nothing is acknowledged yet, not even what the last table said.
        let wanted = Wanted { generation: last.generation, services, change: 1 };
        Routes { client, lone, wanted: wanted.into(), acknowledged: Mutex::new(0) }
    }

    /// The instances the last published table lists for a deploy.
    pub fn listed(&self, deploy: &DeployRef) -> Vec<Target> {
        let wanted = self.wanted();
        wanted.services.get(deploy).map(|s| s.instances.clone()).unwrap_or_default()
    }

    /// Replaces a deploy's entry and returns when every router uses it.
    pub async fn publish(&self, service: Service) -> Result<(), Failure> {
        let change = self.change(|services| {
            let known = services.get(&service.deploy) == Some(&service);
            if !known {
                services.insert(service.deploy.clone(), service);
            }
            !known
        });
        self.send(change).await
    }

    /// Forgets a destroyed deploy.
    pub async fn remove(&self, deploy: &DeployRef) -> Result<(), Failure> {
        let change = self.change(|services| services.remove(deploy).is_some());
        self.send(change).await
    }

    /// Drops entries of deploys that exist no more, at a server's start.
    pub async fn keep_only(&self, deploys: &[DeployRef]) -> Result<(), Failure> {
        let deploys: BTreeSet<_> = deploys.iter().collect();
        let change = self.change(|services| {
            services.retain(|deploy, _| deploys.contains(deploy));
            true
        });
        self.send(change).await
    }

    fn wanted(&self) -> MutexGuard<'_, Wanted> {
        // Whoever panicked did so outside these short sections.
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Which change must have been acknowledged for this one to count: its own, or, where it
    /// changes nothing, the last one.
    fn change(&self, work: impl FnOnce(&mut BTreeMap<DeployRef, Service>) -> bool) -> u64 {
        let mut wanted = self.wanted();
        wanted.change += u64::from(work(&mut wanted.services));
        wanted.change
    }

    /// Returns when the routers have the change, be it with this table or one before it.
    async fn send(&self, change: u64) -> Result<(), Failure> {
        let mut acknowledged = self.acknowledged.lock().await;
        if *acknowledged >= change {
            return Ok(());
        }
        let (table, newest) = {
            let mut wanted = self.wanted();
            wanted.generation += 1;
            let table = Table {
                generation: wanted.generation,
                services: wanted.services.values().cloned().collect(),
                alone: self.alone(&wanted.services),
            };
            (table, wanted.change)
        };
        self.client.publish(&table).await?;
        *acknowledged = newest;
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    fn service(name: &str, state: State) -> Service {
        Service { deploy: name.parse().unwrap(), hosts: Vec::new(), instances: Vec::new(), state }
    }

    /// Every table that is sent is a new file.
    fn sent(folder: &std::path::Path) -> (u64, u64) {
        let path = folder.join("routes.json");
        let table: Table = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        (table.generation, path.metadata().unwrap().ino())
    }

    #[tokio::test]
    async fn what_the_routers_have_is_not_sent_again() {
        let folder = tempfile::tempdir().unwrap();
        let last = Table { generation: 7, ..Table::default() };
        let routes = Routes::new(Client::new(folder.path()), false, Some(last));
        routes.publish(service("shop", State::Starting)).await.unwrap();
        let first = sent(folder.path());
        assert_eq!(first.0, 8);
        routes.publish(service("shop", State::Starting)).await.unwrap();
        routes.remove(&"other".parse().unwrap()).await.unwrap();
        assert_eq!(sent(folder.path()), first);
        routes.publish(service("shop", State::Crashed)).await.unwrap();
        assert_eq!(sent(folder.path()).0, 9);
    }

    #[tokio::test]
    async fn changes_that_come_while_a_table_is_under_way_go_out_together() {
        let folder = tempfile::tempdir().unwrap();
        let routes = Routes::new(Client::new(folder.path()), false, None);
        let under_way = routes.acknowledged.lock().await;
        let names = ["a", "b", "c", "d"];
        let all = names.map(|name| routes.publish(service(name, State::Starting)));
        let mut all: Vec<_> = all.into_iter().map(Box::pin).collect();
        let waker = std::task::Waker::noop();
        for one in &mut all {
            let polled = one.as_mut().poll(&mut std::task::Context::from_waker(waker));
            assert!(polled.is_pending());
        }
        drop(under_way);
        for one in all {
            one.await.unwrap();
        }
        assert_eq!(sent(folder.path()).0, 1, "one table for the four of them");
    }
}
