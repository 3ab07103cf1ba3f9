//! The table made ready for lookups, and the instances with their live counters.
//!
//! A worker thread holds its own handle on the current routes, so a request takes no lock.

use super::table::{State, Table};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};

/// One generation of the table.
#[derive(Debug, Default)]
pub struct Routes {
    pub generation: u64,
    hosts: HashMap<String, Arc<Service>>,
    alone: Option<Arc<Service>>,
    instances: HashMap<String, Arc<Instance>>,
}

#[derive(Debug)]
pub struct Service {
    /// `guestbook/production`
    pub deploy: String,
    pub state: State,
    pub instances: Vec<Arc<Instance>>,
}

/// One upstream. It outlives its place in the table for as long as a request uses it.
#[derive(Debug)]
pub struct Instance {
    pub key: String,
    /// `web.1`
    pub dyno: String,
    pub address: SocketAddr,
    /// Number for the pools: never used twice in a process.
    pub number: u64,
    requests: AtomicU32,
    tunnels: AtomicU32,
    /// Milliseconds since the process began; until then others are preferred.
    suspect_until: AtomicU64,
    gone: AtomicBool,
    /// How long an idle connection to it may be trusted, in milliseconds: learned.
    trusted_ms: AtomicU32,
    /// Since when resting connections are left open, in milliseconds since the process began;
    /// 0: not known to be.
    steady_since: AtomicU64,
    /// Told when tunnels shall close.
    pub close_tunnels: tokio::sync::Notify,
}

/// No idle connection is trusted for longer.
pub const TRUSTED_MOST_MS: u32 = 1000;
/// An app that closes a connection before it has rested for so long may do so at any moment.
const RESTED_MS: u32 = 400;
/// How long an app must have left resting connections open before one that has rested is
/// good enough for a request that cannot be repeated.
const STEADY_MS: u64 = 10_000;

static NEXT_NUMBER: AtomicU64 = AtomicU64::new(1);

impl Instance {
    fn new(key: &str, address: SocketAddr) -> Self {
        Instance {
            key: key.to_string(),
            dyno: key.split('#').next().unwrap_or(key).to_string(),
            address,
            number: NEXT_NUMBER.fetch_add(1, Relaxed),
            requests: AtomicU32::new(0),
            tunnels: AtomicU32::new(0),
            suspect_until: AtomicU64::new(0),
            gone: AtomicBool::new(false),
            trusted_ms: AtomicU32::new(TRUSTED_MOST_MS),
            steady_since: AtomicU64::new(0),
            close_tunnels: tokio::sync::Notify::new(),
        }
    }

    pub fn requests(&self) -> u32 {
        self.requests.load(Relaxed)
    }

    pub fn tunnels(&self) -> u32 {
        self.tunnels.load(Relaxed)
    }

    /// No longer in the table: its connections are not kept for another request.
    pub fn is_gone(&self) -> bool {
        self.gone.load(Relaxed)
    }

    pub fn trusted_ms(&self) -> u32 {
        self.trusted_ms.load(Relaxed)
    }

    /// It closed a connection that had been idle for so long: half of that is safer.
    pub fn distrust(&self, idle_ms: u32) {
        self.trusted_ms.fetch_min(idle_ms / 2, Relaxed);
        if idle_ms < RESTED_MS {
            self.steady_since.store(0, Relaxed);
        }
    }

    /// A connection that has been idle for so long is still open.
    pub fn rested(&self, idle_ms: u32, now: u64) {
        if idle_ms >= RESTED_MS {
            // Only the first one since it closed one early counts.
            let _ = self.steady_since.compare_exchange(0, now.max(1), Relaxed, Relaxed);
        }
    }

    /// It lets connections rest: one that has just been used will not be closed by surprise.
    pub fn is_steady(&self, now: u64) -> bool {
        let since = self.steady_since.load(Relaxed);
        since != 0 && now >= since.saturating_add(STEADY_MS)
    }

    /// Nothing has gone wrong for a while: a bit more is tried.
    pub fn trust_more(&self) {
        let now = self.trusted_ms();
        self.trusted_ms.store((now + now / 8 + 1).min(TRUSTED_MOST_MS), Relaxed);
    }

    pub fn suspect(&self, until: u64) {
        self.suspect_until.store(until, Relaxed);
    }
}

/// A request being served by an instance, counted until dropped.
#[derive(Debug)]
pub struct Outstanding(pub Arc<Instance>);

impl Outstanding {
    fn new(instance: &Arc<Instance>) -> Self {
        instance.requests.fetch_add(1, Relaxed);
        Outstanding(instance.clone())
    }

    /// The request became a tunnel.
    pub fn into_tunnel(self) -> Tunnel {
        self.0.tunnels.fetch_add(1, Relaxed);
        Tunnel(self.0.clone())
    }
}

impl Drop for Outstanding {
    fn drop(&mut self) {
        self.0.requests.fetch_sub(1, Relaxed);
    }
}

/// An open tunnel, counted until dropped.
#[derive(Debug)]
pub struct Tunnel(pub Arc<Instance>);

impl Drop for Tunnel {
    fn drop(&mut self) {
        self.0.tunnels.fetch_sub(1, Relaxed);
    }
}

impl Service {
    /// The instance with the fewest requests outstanding; equals take turns (`turn`).
    /// Instances in `tried` are out, suspects come last.
    pub fn pick(&self, turn: usize, now: u64, tried: &[u64]) -> Option<Outstanding> {
        let count = self.instances.len();
        (0..count)
            .map(|offset| &self.instances[(turn + offset) % count])
            .filter(|instance| !tried.contains(&instance.number))
            .min_by_key(|i| (i.suspect_until.load(Relaxed) > now, i.requests() + i.tunnels()))
            .map(Outstanding::new)
    }
}

impl Routes {
    /// Makes the routes of `table`; instances that stay keep their counters.
    pub fn build(table: &Table, before: &Routes) -> Routes {
        let mut routes = Routes { generation: table.generation, ..Routes::default() };
        for service in &table.services {
            let instances = service.instances.iter().map(|target| {
                let known = before.instances.get(&target.key);
                match known.filter(|instance| instance.address == target.address) {
                    Some(instance) => instance.clone(),
                    None => Arc::new(Instance::new(&target.key, target.address)),
                }
            });
            let ready = Arc::new(Service {
                deploy: service.deploy.to_string(),
                state: service.state,
                instances: instances.collect(),
            });
            for instance in &ready.instances {
                instance.gone.store(false, Relaxed);
                routes.instances.insert(instance.key.clone(), instance.clone());
            }
            for host in &service.hosts {
                routes.hosts.insert(host.to_ascii_lowercase(), ready.clone());
            }
            if table.alone.as_ref() == Some(&service.deploy) {
                routes.alone = Some(ready);
            }
        }
        routes
    }

    /// Marks the instances of `before` that are not here any more, and returns them.
    pub fn retire(&self, before: &Routes) -> Vec<Arc<Instance>> {
        let still = |old: &Arc<Instance>| {
            self.instances.get(&old.key).is_some_and(|new| Arc::ptr_eq(new, old))
        };
        let gone: Vec<_> = before.instances.values().filter(|old| !still(old)).cloned().collect();
        gone.iter().for_each(|instance| instance.gone.store(true, Relaxed));
        gone
    }

    #[cfg(test)]
    pub fn instances(&self) -> impl Iterator<Item = &Arc<Instance>> {
        self.instances.values()
    }

    pub fn instance(&self, key: &str) -> Option<&Arc<Instance>> {
        self.instances.get(key)
    }

    /// The service for a `Host` value, with or without a port.
    pub fn find(&self, host: &str) -> Option<&Arc<Service>> {
        let name = name_of(host);
        let found = match name.bytes().any(|byte| byte.is_ascii_uppercase()) {
            true => self.hosts.get(&name.to_ascii_lowercase()),
            false => self.hosts.get(name),
        };
        found.or(self.alone.as_ref())
    }
}

/// `guestbook.localhost.:8080` names the host `guestbook.localhost`.
fn name_of(host: &str) -> &str {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if !port.contains(']') => name,
        _ => host,
    };
    name.strip_suffix('.').unwrap_or(name)
}

#[cfg(test)]
#[path = "routes_tests.rs"]
mod tests;
