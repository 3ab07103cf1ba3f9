//! One task per deploy: takes in what happens, asks the plan, carries it out. It is the only
//! owner of the deploy's instances, so nothing here needs a lock.

use super::desired::{Orders, is_to_replace};
use super::instance::Running;
use super::plan::{Desired, Observed, Slot, State, plan};
use super::runnable::Runnable;
use super::start_failure::StartFailure;
use super::view::View;
use super::{Host, actions};
use crate::app::{DeployRef, Failure, ReleaseNumber};
use crate::keeper::{Notice, Request};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{mpsc, watch};

/// Everything that can happen to a deploy's instances.
pub(super) enum Message {
    /// The desired state has changed. Brings the release along, unless it stays the same.
    Want {
        change: u64,
        desired: Desired,
        /// Who is too old is decided here: only the runner knows all that run.
        orders: Orders,
        runnable: Option<Arc<Runnable>>,
        router_state: RouterState,
    },
    /// An instance that an earlier server started. `listed`: the routers send it requests.
    Adopt {
        running: Box<Running>,
        listed: bool,
        runnable: Option<Arc<Runnable>>,
    },
    Keeper {
        keeper: u64,
        notice: Notice,
    },
    /// The keeper is gone, and with it the instance.
    Lost {
        keeper: u64,
    },
    /// The router got an answer from this incarnation.
    Answered {
        keeper: u64,
        incarnation: u64,
    },
    /// It did not, in time.
    Silent {
        keeper: u64,
        incarnation: u64,
        why: String,
    },
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
    /// Keepers that are gone but for their port, until no router can still use them.
    pub ports_to_free: Vec<u64>,
    pub start_failures: BTreeMap<Slot, StartFailure>,
    pub change: u64,
    pub inbox: mpsc::UnboundedReceiver<Message>,
    /// Weak: the runner must not keep itself alive.
    pub outbox: mpsc::WeakUnboundedSender<Message>,
    pub view: watch::Sender<View>,
    /// When to try again what the router or a start refused.
    pub retry: Option<tokio::time::Instant>,
}

/// How often a drained instance is asked whether its last request is done.
const DRAIN_POLL: Duration = Duration::from_millis(25);
/// How long a router that did not acknowledge is left alone.
const ROUTER_PAUSE: Duration = Duration::from_millis(200);
/// How long a ledger that could not write is left alone.
const LEDGER_PAUSE: Duration = Duration::from_secs(1);
/// A keeper that does not reach this age has not really started.
const SHORT_LIFE: Duration = Duration::from_secs(1);
/// How often a start that waits for others' boots looks again.
const PLACE_POLL: Duration = Duration::from_millis(50);
/// A plan is empty after a few rounds; this many mean a defect, and the loop must go on.
const MOST_ROUNDS: usize = 16;

impl Runner {
    pub fn new(
        host: Arc<Host>,
        deploy: DeployRef,
        inbox: mpsc::UnboundedReceiver<Message>,
        outbox: mpsc::WeakUnboundedSender<Message>,
    ) -> (Self, watch::Receiver<View>) {
        let (view, seen) = watch::channel(View::default());
        let runner = Runner {
            host,
            deploy,
            desired: Desired::default(),
            router_state: RouterState::default(),
            runnables: BTreeMap::new(),
            instances: BTreeMap::new(),
            table: BTreeSet::new(),
            ports_to_free: Vec::new(),
            start_failures: BTreeMap::new(),
            change: 0,
            inbox,
            outbox,
            view,
            retry: None,
        };
        (runner, seen)
    }

    pub async fn run(mut self) {
        loop {
            let Some(message) = self.next_message().await else { return };
            if let Some(message) = message {
                self.handle(message);
            }
            while let Ok(message) = self.inbox.try_recv() {
                self.handle(message);
            }
            // Adopted instances are left alone until it is known what is wanted.
            if self.change > 0 {
                let settled = self.converge().await;
                self.show(settled);
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
        Some(at.into())
    }

    /// Carries the plan out until it is empty; true when what is desired is reached.
    async fn converge(&mut self) -> bool {
        self.retry = None;
        actions::poll_drains(self).await;
        for _round in 0..MOST_ROUNDS {
            let plan = plan(&self.desired, &self.observed(), Timestamp::now());
            let carried_out = if plan.is_empty() {
                actions::refresh(self).await
            } else {
                actions::execute_all(self, &plan).await
            };
            if carried_out.is_err() {
                self.retry = Some(tokio::time::Instant::now() + ROUTER_PAUSE);
                return false;
            }
            if plan.is_empty() {
                let refused = !actions::free_ports(self);
                let settled = self.is_settled();
                let waits = !settled && self.host.boots.free(Instant::now()) == 0;
                let pause = [waits.then_some(PLACE_POLL), refused.then_some(LEDGER_PAUSE)];
                let pause = pause.into_iter().flatten().min();
                self.retry = pause.map(|pause| tokio::time::Instant::now() + pause);
                return settled && !refused;
            }
        }
        false
    }

    fn observed(&self) -> Observed {
        Observed {
            instances: self.instances.values().map(Running::seen).collect(),
            table: self.table.clone(),
            retry_at: self.start_failures.iter().map(|(s, f)| (s.clone(), f.due())).collect(),
            places: Some(self.host.boots.free(Instant::now())),
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
                .map(|(slot, failed)| (slot.clone(), failed.into()))
                .collect(),
            settled,
            change: self.change,
        });
    }

    fn handle(&mut self, message: Message) {
        match message {
            Message::Want { change, desired, orders, runnable, router_state } => {
                self.change = change;
                self.router_state = router_state;
                let replace = self.to_replace(&orders);
                self.want(Desired { replace, ..desired }, runnable);
            }
            Message::Adopt { running, listed, runnable } => {
                self.adopt(*running, listed, runnable);
            }
            Message::Keeper { keeper, notice } => self.keeper_notice(keeper, notice),
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

    /// Those that a restart is to replace; what starts from now on is young enough.
    fn to_replace(&self, orders: &Orders) -> BTreeSet<u64> {
        let instances = self.instances.values().filter(|i| i.state != State::Stopping);
        instances.filter(|i| is_to_replace(orders, &i.id)).map(|i| i.id.keeper).collect()
    }

    fn want(&mut self, desired: Desired, runnable: Option<Arc<Runnable>>) {
        self.desired = desired;
        self.start_failures.clear();
        if let Some(runnable) = runnable {
            self.runnables.insert(runnable.release, runnable);
        }
        let wanted = self.desired.release;
        let current = self.instances.values_mut().filter(|i| Some(i.release) == wanted);
        current.for_each(Running::try_again);
        let running: BTreeSet<_> = self.instances.values().map(|i| i.release).collect();
        self.runnables.retain(|number, _| running.contains(number) || Some(*number) == wanted);
    }

    fn adopt(&mut self, running: Running, listed: bool, runnable: Option<Arc<Runnable>>) {
        let keeper = running.id.keeper;
        let starting = running.state == State::Starting;
        self.table.extend(listed.then_some(keeper));
        self.instances.insert(keeper, running);
        if let Some(runnable) = runnable {
            self.runnables.insert(runnable.release, runnable);
        }
        if starting {
            actions::watch_readiness(self, keeper);
        }
    }

    fn keeper_notice(&mut self, keeper: u64, notice: Notice) {
        let now = Timestamp::now();
        let Some(instance) = self.instances.get_mut(&keeper) else { return };
        match notice {
            // A status after a connection repeats what is known.
            Notice::Started { incarnation }
                if incarnation == instance.incarnation && instance.state != State::Crashed => {}
            Notice::Started { incarnation } => {
                instance.begin(incarnation, now);
                actions::watch_readiness(self, keeper);
            }
            Notice::Ready => {
                instance.alive = true;
                instance.advance(now);
            }
            Notice::Exited(exit) => instance.exited(&exit, now),
            Notice::Restarting { at, n } => instance.restarting(at, n),
            Notice::Stopped => instance.state = State::Stopping,
        }
    }

    fn update(&mut self, keeper: u64, incarnation: u64, f: impl FnOnce(&mut Running, Timestamp)) {
        if let Some(instance) = self.instances.get_mut(&keeper)
            && instance.incarnation == incarnation
        {
            f(instance, Timestamp::now());
        }
    }

    /// R10: alive, but nobody answers. Treated as a crash: the keeper starts it again.
    fn silent(&mut self, keeper: u64, incarnation: u64, why: String) {
        self.update(keeper, incarnation, |instance, _| {
            if instance.state == State::Starting {
                let message = format!("{} did not become ready: {why}", instance.id.name());
                let hint = "it must listen on 0.0.0.0:$PORT; see `xii logs` for what it printed";
                instance.failure = Some(Failure::app(message).next(hint));
                instance.place = None;
                // A closed channel means the keeper is gone, and `Lost` is on its way.
                let _ = instance.requests.send(Request::Restart);
            }
        });
    }

    fn lost(&mut self, keeper: u64) {
        let Some(gone) = self.instances.remove(&keeper) else { return };
        actions::clean_up(&self.host, keeper);
        self.ports_to_free.extend(gone.port.map(|_| keeper));
        // Keepers that die as soon as they live must not be started without a pause.
        if gone.state != State::Stopping && gone.started.elapsed() < SHORT_LIFE {
            let failure = Failure::platform(format!("the keeper of {} died", gone.id.name()));
            let slot = (gone.id.process_type, gone.id.index);
            self.start_failures.insert(slot, StartFailure::new(failure, 1, SHORT_LIFE));
        }
    }
}

async fn sleep_until(wake: Option<tokio::time::Instant>) {
    match wake {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
