//! The runners of this host, one for each deploy, and the way to talk to them.

use super::Host;
use super::desired::{self, Orders};
use super::plan::Desired;
use super::runnable::Runnable;
use super::runner::{Message, RouterState, Runner};
use super::view::View;
use crate::app::{DeployRef, Failure, Formation, ReleaseNumber};
use crate::store::Scope;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, watch};

const HANDED_BACK_WITHIN: Duration = Duration::from_secs(5);

/// Every deploy's runner.
pub struct Deploys {
    pub host: Arc<Host>,
    runners: Mutex<BTreeMap<DeployRef, Handle>>,
    /// Nothing is started any more: everything is going down.
    closed: AtomicBool,
}

/// A way to one runner. The runner ends when the last handle is gone.
#[derive(Clone)]
pub struct Handle {
    pub deploy: DeployRef,
    outbox: mpsc::UnboundedSender<Message>,
    view: watch::Receiver<View>,
    changes: Arc<AtomicU64>,
}

impl Deploys {
    pub fn new(host: Arc<Host>) -> Self {
        Deploys { host, runners: Mutex::default(), closed: AtomicBool::new(false) }
    }

    /// The deploy's runner, started if it is not there.
    pub fn of(&self, deploy: &DeployRef) -> Handle {
        // Whoever panicked did so outside this short section.
        let mut runners = self.runners.lock().unwrap_or_else(PoisonError::into_inner);
        let runner = runners.entry(deploy.clone());
        runner.or_insert_with(|| start(self.host.clone(), deploy)).clone()
    }

    /// Forgets a destroyed deploy; its runner ends once nobody holds it.
    pub fn forget(&self, deploy: &DeployRef) {
        self.runners.lock().unwrap_or_else(PoisonError::into_inner).remove(deploy);
    }

    /// What people have ordered for a deploy.
    pub fn orders(&self, deploy: &DeployRef) -> Result<Orders, Failure> {
        let ledger = &self.host.ledger;
        Ok(Orders {
            formation: Formation(ledger.formation(deploy)?),
            stopped: ledger.stopped(deploy)?,
            restarts: ledger.restarts(deploy)?,
        })
    }

    /// Makes a release under the present orders what is wanted. With `hold`, what it replaces
    /// stays alive until the next call. Returns the number of the change.
    pub fn want(&self, runnable: Arc<Runnable>, hold: bool) -> Result<u64, Failure> {
        if self.closed.load(Ordering::SeqCst) {
            return Err(Failure::platform("xii is going down").next("xii up"));
        }
        let handle = self.of(&runnable.deploy);
        let orders = self.orders(&runnable.deploy)?;
        let router_state = match orders.stopped.contains(&Scope::Deploy) {
            true => RouterState::Stopped,
            false => RouterState::Serving,
        };
        let desired = Desired { hold, ..desired::desired(&runnable, &orders) };
        Ok(handle.send(desired, orders, Some(runnable), router_state))
    }

    /// From now on nothing is started: a change under way fails instead of bringing back what
    /// is being stopped.
    pub fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }

    /// Stops everything a deploy runs; its orders stay.
    pub fn want_nothing(&self, deploy: &DeployRef) -> u64 {
        self.of(deploy).send(Desired::default(), Orders::default(), None, RouterState::Stopped)
    }

    pub fn all(&self) -> Vec<Handle> {
        let runners = self.runners.lock().unwrap_or_else(PoisonError::into_inner);
        runners.values().cloned().collect()
    }
}

impl Handle {
    pub fn view(&self) -> View {
        self.view.borrow().clone()
    }

    pub(super) fn outbox(&self) -> mpsc::UnboundedSender<Message> {
        self.outbox.clone()
    }

    fn send(
        &self,
        desired: Desired,
        orders: Orders,
        runnable: Option<Arc<Runnable>>,
        router_state: RouterState,
    ) -> u64 {
        let change = self.changes.fetch_add(1, Ordering::SeqCst) + 1;
        // The runner lives as long as its handles.
        let _ = self.outbox.send(Message::Want { change, desired, orders, runnable, router_state });
        change
    }

    /// Waits until a view that has taken in the change answers the question.
    pub async fn until<T>(
        &self,
        change: u64,
        mut question: impl FnMut(&View) -> Option<T>,
    ) -> Result<T, Failure> {
        let mut view = self.view.clone();
        loop {
            let answer = {
                let view = view.borrow_and_update();
                if view.change >= change { question(&view) } else { None }
            };
            if let Some(answer) = answer {
                return Ok(answer);
            }
            view.changed().await.map_err(|error| {
                Failure::internal(format!("the runner of {} has ended", self.deploy)).because(error)
            })?;
        }
    }

    /// Waits until nothing of the deploy runs and, for a moment, until its ports are handed
    /// back: whoever is left to wait for is the ledger, and the next server asks it, too.
    pub async fn until_empty(&self, change: u64) -> Result<(), Failure> {
        self.until(change, |view| view.instances.is_empty().then_some(())).await?;
        let handed_back = self.until(change, |view| view.settled.then_some(()));
        let _ = tokio::time::timeout(HANDED_BACK_WITHIN, handed_back).await;
        Ok(())
    }

    /// The release that runs.
    pub fn release(&self) -> Option<ReleaseNumber> {
        self.view.borrow().desired.release
    }
}

fn start(host: Arc<Host>, deploy: &DeployRef) -> Handle {
    let (outbox, inbox) = mpsc::unbounded_channel();
    let (runner, view) = Runner::new(host, deploy.clone(), inbox, outbox.downgrade());
    tokio::spawn(runner.run());
    Handle { deploy: deploy.clone(), outbox, view, changes: Arc::default() }
}
