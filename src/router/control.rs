//! A router's control side: takes tables, answers questions. Never on a worker's thread.

use super::access::Sink;
use super::probe;
use super::routes::{Instance, Routes};
use super::stats::Counts;
use super::table::Table;
use super::wire::Answer;
use super::worker::{Phase, Swap};
use crate::app::DeployRef;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::net::SocketAddr;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, PoisonError, Weak};
use std::time::Duration;
use tokio::sync::{Mutex, mpsc, oneshot, watch};

/// What an instance has to do just now. Open WebSockets are not requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InFlight {
    pub requests: u64,
    pub websockets: u64,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Generation {
    pub generation: u64,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Key {
    pub key: String,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Span {
    pub deploy: DeployRef,
    pub from: u64,
    pub to: u64,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct ProbeRequest {
    pub address: SocketAddr,
    pub host: String,
    pub path: String,
    pub timeout_ms: u64,
}

/// A router about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouterStatus {
    pub pid: u32,
    pub number: u64,
    pub generation: u64,
    pub draining: bool,
    /// Access lines lost because the log could not keep up.
    pub lines_dropped: u64,
}

pub struct Control {
    pub number: u64,
    pub workers: Vec<mpsc::UnboundedSender<Swap>>,
    pub sink: Arc<Sink>,
    pub phase: watch::Sender<Phase>,
    current: Mutex<Arc<Routes>>,
    /// Instances that left the table while somebody may still use them.
    retired: RefCell<Vec<Weak<Instance>>>,
}

impl Control {
    pub fn new(
        number: u64,
        workers: Vec<mpsc::UnboundedSender<Swap>>,
        sink: Arc<Sink>,
        phase: watch::Sender<Phase>,
        routes: Arc<Routes>,
    ) -> Self {
        let retired = RefCell::default();
        Control { number, workers, sink, phase, current: Mutex::new(routes), retired }
    }

    /// Uses the table unless a newer one is in use; returns the generation in use by all threads.
    pub async fn publish(&self, table: &Table) -> u64 {
        let mut current = self.current.lock().await;
        if table.generation <= current.generation {
            return current.generation;
        }
        let routes = Arc::new(Routes::build(table, &current));
        let gone = routes.retire(&current);
        self.remember(&gone);
        let mut swapped = Vec::new();
        for worker in &self.workers {
            let (done, swap) = oneshot::channel();
            if worker.send(Swap { routes: routes.clone(), done }).is_ok() {
                swapped.push(swap);
            }
        }
        for swap in swapped {
            // A thread that has ended serves nobody any more.
            let _ = swap.await;
        }
        *current = routes;
        current.generation
    }

    fn remember(&self, gone: &[Arc<Instance>]) {
        let mut retired = self.retired.borrow_mut();
        retired.retain(|instance| instance.strong_count() > 0);
        retired.extend(gone.iter().map(Arc::downgrade));
    }

    async fn with_key(&self, key: &str) -> Vec<Arc<Instance>> {
        let current = self.current.lock().await;
        let retired: Vec<_> = self.retired.borrow().iter().filter_map(Weak::upgrade).collect();
        let retired = retired.into_iter().filter(|instance| instance.key == key);
        current.instance(key).cloned().into_iter().chain(retired).collect()
    }

    async fn in_flight(&self, key: &str) -> InFlight {
        let mut sum = InFlight::default();
        for instance in self.with_key(key).await {
            sum.requests += u64::from(instance.requests());
            sum.websockets += u64::from(instance.tunnels());
        }
        sum
    }

    async fn status(&self) -> RouterStatus {
        RouterStatus {
            pid: std::process::id(),
            number: self.number,
            generation: self.current.lock().await.generation,
            draining: *self.phase.borrow() != Phase::Serving,
            lines_dropped: self.sink.dropped.load(Relaxed),
        }
    }

    fn counts(&self, span: &Span) -> Counts {
        let recent = self.sink.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.between(&span.deploy.to_string(), span.from, span.to)
    }
}

fn read<T: serde::de::DeserializeOwned>(body: Value) -> Result<T, String> {
    serde_json::from_value(body).map_err(|error| error.to_string())
}

fn said(value: impl Serialize) -> Result<Value, String> {
    serde_json::to_value(value).map_err(|error| error.to_string())
}

impl Answer for Control {
    async fn answer(&self, path: &str, body: Value) -> Result<Value, String> {
        match path {
            "/table" => said(Generation { generation: self.publish(&read::<Table>(body)?).await }),
            "/in-flight" => said(self.in_flight(&read::<Key>(body)?.key).await),
            "/stats" => said(self.counts(&read::<Span>(body)?)),
            "/status" => said(self.status().await),
            "/probe" => {
                let wanted = read::<ProbeRequest>(body)?;
                let limit = Duration::from_millis(wanted.timeout_ms);
                said(probe::probe(wanted.address, &wanted.host, &wanted.path, limit).await)
            }
            "/close-websockets" => {
                let key = read::<Key>(body)?.key;
                self.with_key(&key).await.iter().for_each(|i| i.close_tunnels.notify_waiters());
                Ok(json!({}))
            }
            "/stop" => {
                self.phase.send_replace(Phase::Closing);
                Ok(json!({}))
            }
            _ => Err(format!("{path} is not served here")),
        }
    }
}
