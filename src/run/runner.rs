//! One task per deploy: takes in what happens, asks the plan, carries it out. It is the only
//! owner of the deploy's instances, so nothing here needs a lock.

use super::instance::Running;
use super::plan::{Desired, Observed, Slot, State, plan};
use super::runnable::Runnable;
use super::view::View;
use super::{Host, actions};
use crate::app::{DeployRef, Failure, ReleaseNumber};
use crate::keeper;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// Everything that can happen to a deploy's instances.
pub(super) enum Message {
    /// The desired state has changed. Brings the release along, unless it stays the same.
    Want { desired: Desired, runnable: Option<Arc<Runnable>>, router_state: RouterState },
    Keeper { keeper: u64, event: keeper::Event },
    /// The keeper is gone, and with it the instance.
    Lost { keeper: u64 },
    /// The router got an answer from this incarnation.
    Answered { keeper: u64, incarnation: u32 },
    /// It did not, in time.
    Silent { keeper: u64, incarnation: u32, why: String },
}

/// What the router says when there is nobody to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RouterState {
    #[default]
    Serving,
    Stopped,
}

pub(super) struct Runner {
    pub host: Arc<Host>,
    pub deploy: DeployRef,
    pub desired: Desired,
    pub router_state: RouterState,
    pub runnables: BTreeMap<ReleaseNumber, Arc<Runnable>>,
    pub instances: BTreeMap<u64, Running>,
    pub table: BTreeSet<u64>,
    /// Ports of instances that are gone, until no router can still use them.
    pub ports_to_free: Vec<(u64, u16)>,
    pub start_failures: BTreeMap<Slot, StartFailure>,
    pub change: u64,
    pub inbox: mpsc::UnboundedReceiver<Message>,
    pub outbox: mpsc::UnboundedSender<Message>,
    pub view: watch::Sender<View>,
    /// When to try again what the router or a start refused.
    pub retry: Option<tokio::time::Instant>,
}

pub(super) struct StartFailure {
    pub failure: Failure,
    pub times: u32,
    pub retry_at: Timestamp,
}

/// How often a drained instance is asked whether its last request is done.
const DRAIN_POLL: Duration = Duration::from_millis(25);
/// A plan is empty after a few rounds; this many mean a defect, and the loop must go on.
const MOST_ROUNDS: usize = 16;

impl Runner {
    pub async fn run(mut self) {
        loop {
            let settled = self.converge().await;
            self.show(settled);
            let Some(message) = self.next_message().await else { return };
            if let Some(message) = message {
                self.handle(message);
            }
            while let Ok(message) = self.inbox.try_recv() {
                self.handle(message);
            }
        }
    }

    /// The next message; `Some(None)` when it is time to look again; `None` at the end.
    async fn next_message(&mut self) -> Option<Option<Message>> {
        let drains = self.is_draining().then(|| tokio::time::Instant::now() + DRAIN_POLL);
        let wake = [drains, self.retry, self.next_start()].into_iter().flatten().min();
        tokio::select! {
            message = self.inbox.recv() => message.map(Some),
            () = sleep_until(wake) => Some(None),
        }
    }

    fn is_draining(&self) -> bool {
        self.instances.values().any(|i| i.unrouted.is_some() && !i.drained && !self.desired.hold)
    }

    fn next_start(&self) -> Option<tokio::time::Instant> {
        let at = self.start_failures.values().map(|f| f.retry_at).min()?;
        let wait = at.duration_since(Timestamp::now()).try_into().unwrap_or(Duration::ZERO);
        Some(tokio::time::Instant::now() + wait)
    }

    /// Carries the plan out until it is empty; true when what is desired is reached.
    async fn converge(&mut self) -> bool {
        self.retry = None;
        actions::poll_drains(self).await;
        for _round in 0..MOST_ROUNDS {
            let plan = plan(&self.desired, &self.observed(), Timestamp::now());
            if plan.is_empty() {
                actions::free_ports(self);
                return self.is_settled();
            }
            for action in plan {
                if actions::execute(self, action).await.is_err() {
                    self.retry = Some(tokio::time::Instant::now() + Duration::from_millis(200));
                    return false;
                }
            }
        }
        false
    }

    fn observed(&self) -> Observed {
        Observed {
            instances: self.instances.values().map(Running::seen).collect(),
            table: self.table.clone(),
            retry_at: self.start_failures.iter().map(|(s, f)| (s.clone(), f.retry_at)).collect(),
        }
    }

    fn is_settled(&self) -> bool {
        let wanted: usize = self.desired.types.values().map(|w| w.indexes.len()).sum();
        let ready = self.instances.values().filter(|i| i.state == State::Ready).count();
        ready == self.instances.len() && ready == wanted && self.start_failures.is_empty()
    }

    fn show(&self, settled: bool) {
        self.view.send_replace(View {
            desired: self.desired.clone(),
            instances: self.instances.values().map(Into::into).collect(),
            table: self.table.clone(),
            start_failures: self
                .start_failures
                .iter()
                .map(|(slot, failed)| (slot.clone(), failed.failure.clone()))
                .collect(),
            settled,
            change: self.change,
        });
    }

    fn handle(&mut self, message: Message) {
        match message {
            Message::Want { desired, runnable, router_state } => {
                self.want(desired, runnable, router_state);
            }
            Message::Keeper { keeper, event } => self.keeper_event(keeper, event),
            Message::Lost { keeper } => self.lost(keeper),
            Message::Answered { keeper, incarnation } => {
                self.update(keeper, incarnation, |instance, now| {
                    instance.answered = true;
                    instance.advance(now);
                });
            }
            Message::Silent { keeper, incarnation, why } => self.silent(keeper, incarnation, why),
        }
    }

    fn want(
        &mut self,
        desired: Desired,
        runnable: Option<Arc<Runnable>>,
        router_state: RouterState,
    ) {
        self.desired = desired;
        self.router_state = router_state;
        self.start_failures.clear();
        self.change += 1;
        if let Some(runnable) = runnable {
            self.runnables.insert(runnable.release, runnable);
        }
        let wanted = self.desired.release;
        let running: BTreeSet<_> = self.instances.values().map(|i| i.release).collect();
        self.runnables.retain(|number, _| running.contains(number) || Some(*number) == wanted);
    }

    fn keeper_event(&mut self, keeper: u64, event: keeper::Event) {
        let now = Timestamp::now();
        let routed = self.instances.get(&keeper).is_some_and(|i| i.port.is_some());
        let Some(instance) = self.instances.get_mut(&keeper) else { return };
        match event {
            keeper::Event::Started { incarnation, .. } => {
                instance.begin(incarnation, routed, now);
                actions::watch_readiness(self, keeper);
            }
            keeper::Event::Ready { .. } => {
                instance.alive = true;
                instance.advance(now);
            }
            keeper::Event::Exited { .. } => instance.exited(event.describe(), now),
            keeper::Event::Restarting { at, n } => {
                instance.restarts = n;
                instance.restarting_at = Some(at);
            }
            keeper::Event::Stopped => self.lost(keeper),
        }
    }

    fn update(&mut self, keeper: u64, incarnation: u32, f: impl FnOnce(&mut Running, Timestamp)) {
        if let Some(instance) = self.instances.get_mut(&keeper)
            && instance.incarnation == incarnation
        {
            f(instance, Timestamp::now());
        }
    }

    /// R10: alive, but nobody answers. Treated as a crash: the keeper starts it again.
    fn silent(&mut self, keeper: u64, incarnation: u32, why: String) {
        self.update(keeper, incarnation, |instance, _| {
            if instance.state == State::Starting {
                let message = format!("{} did not become ready: {why}", instance.id.name());
                let hint = "it must listen on 0.0.0.0:$PORT; see `xii logs` for what it printed";
                instance.failure = Some(Failure::app(message).next(hint));
                // A closed channel means the keeper is gone, and `Lost` is on its way.
                let _ = instance.requests.send(keeper::Request::Restart);
            }
        });
    }

    fn lost(&mut self, keeper: u64) {
        if let Some(gone) = self.instances.remove(&keeper) {
            actions::clean_up(&self.host, keeper, gone.pid);
            self.ports_to_free.extend(gone.port.map(|port| (keeper, port)));
        }
    }
}

async fn sleep_until(wake: Option<tokio::time::Instant>) {
    match wake {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
