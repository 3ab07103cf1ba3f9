//! What the runner knows of one instance, fed by its keeper's events and the router's answers.

use super::plan::{Seen, State};
use crate::app::{Failure, InstanceId, ReleaseNumber};
use crate::keeper;
use jiff::Timestamp;
use std::time::Instant;
use tokio::sync::mpsc;

pub(super) struct Running {
    pub id: InstanceId,
    pub release: ReleaseNumber,
    pub port: Option<u16>,
    /// Of the keeper.
    pub pid: u32,
    pub state: State,
    /// Restarts counted by the keeper; a late answer to an earlier one is not believed.
    pub incarnation: u32,
    /// The main process has lived for a second.
    pub alive: bool,
    /// It has answered a request, or need not.
    pub answered: bool,
    pub started: Instant,
    pub since: Timestamp,
    pub boot_ms: Option<u64>,
    /// When it left the table.
    pub unrouted: Option<Instant>,
    pub drained: bool,
    pub in_flight: u64,
    pub restarts: u32,
    pub restarting_at: Option<Timestamp>,
    pub last_exit: Option<String>,
    /// Why it did not become ready, as long as it has not.
    pub failure: Option<Failure>,
    pub requests: mpsc::UnboundedSender<keeper::Request>,
}

impl Running {
    pub fn seen(&self) -> Seen {
        Seen {
            id: self.id.clone(),
            release: self.release,
            state: self.state,
            drained: self.drained,
        }
    }

    /// A new incarnation has started.
    pub fn begin(&mut self, incarnation: u32, routed: bool, now: Timestamp) {
        if self.state == State::Stopping {
            return;
        }
        self.state = State::Starting;
        self.incarnation = incarnation;
        self.alive = false;
        self.answered = !routed;
        self.started = Instant::now();
        self.since = now;
        self.restarting_at = None;
    }

    /// It has lived for a second, or answered: ready once both are true.
    pub fn advance(&mut self, now: Timestamp) {
        if self.state == State::Starting && self.alive && self.answered {
            self.state = State::Ready;
            self.since = now;
            self.failure = None;
        }
        if self.answered && self.boot_ms.is_none() {
            let ms = self.started.elapsed().as_millis();
            self.boot_ms = Some(u64::try_from(ms).unwrap_or(u64::MAX));
        }
    }

    /// Its main process is gone; the keeper decides whether to start it again.
    pub fn exited(&mut self, how: String, now: Timestamp) {
        if self.state == State::Starting {
            let message = format!("{} crashed before it was ready: {how}", self.id.name());
            self.failure = Some(Failure::app(message).next("see `xii logs` for what it printed"));
        }
        if self.state != State::Stopping {
            self.state = State::Crashed;
        }
        self.last_exit = Some(how);
        self.since = now;
        self.alive = false;
    }

    /// Whether requests can still be on their way through it.
    pub fn leaves_table(&mut self) {
        self.unrouted = Some(Instant::now());
    }

    pub fn enters_table(&mut self) {
        self.unrouted = None;
        self.drained = false;
    }
}
