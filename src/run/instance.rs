//! What the runner knows of one instance, fed by its keeper's events and the router's answers.

use super::boots::Place;
use super::plan::{Seen, State};
use crate::app::{Failure, InstanceId, ReleaseNumber};
use crate::keeper::{Exit, Request};
use jiff::Timestamp;
use std::time::Instant;
use tokio::sync::mpsc;

pub(super) struct Running {
    pub id: InstanceId,
    pub release: ReleaseNumber,
    pub port: Option<u16>,
    /// Of the keeper.
    pub pid: i32,
    pub state: State,
    /// Restarts counted by the keeper; a late answer to an earlier one is not believed.
    pub incarnation: u64,
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
    pub restarts: u64,
    pub restarting_at: Option<Timestamp>,
    pub last_exit: Option<String>,
    /// Why it did not become ready, as long as it has not.
    pub failure: Option<Failure>,
    pub requests: mpsc::UnboundedSender<Request>,
    /// Among the routed ones that boot; given back at the first answer, or when there is none.
    pub place: Option<Place>,
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
    pub fn begin(&mut self, incarnation: u64, now: Timestamp) {
        if self.state == State::Stopping {
            return;
        }
        self.state = State::Starting;
        self.incarnation = incarnation;
        self.alive = false;
        self.answered = self.port.is_none();
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
        if self.answered {
            self.place = None;
        }
        if self.answered && self.boot_ms.is_none() {
            let ms = self.started.elapsed().as_millis();
            self.boot_ms = Some(u64::try_from(ms).unwrap_or(u64::MAX));
        }
    }

    /// Its main process is gone; the keeper decides whether to start it again.
    pub fn exited(&mut self, exit: &Exit, now: Timestamp) {
        let how = describe(exit);
        self.place = None;
        // Whoever was ended for a reason (R10) did not crash.
        if self.state == State::Starting && self.failure.is_none() {
            let name = self.id.name();
            self.failure = Some(match exit.unmade() {
                Some(why) => Failure::platform(format!("cannot start {name}")).why(why),
                None => Failure::app(format!("{name} crashed before it was ready: {how}"))
                    .next("see `xii logs` for what it printed"),
            });
        }
        if self.state != State::Stopping {
            self.state = State::Crashed;
        }
        self.last_exit = Some(how);
        self.since = now;
        self.alive = false;
    }

    /// Something is wanted anew: who asks is told what happens from now on, and not again what
    /// the one before was told. What waits for its next start need not wait.
    pub fn try_again(&mut self) {
        if self.failure.take().is_some() && self.state == State::Crashed {
            // A closed channel means the keeper is gone, and `Lost` is on its way.
            let _ = self.requests.send(Request::Restart);
        }
    }

    /// `at` in milliseconds since 1970.
    pub fn restarting(&mut self, at: u64, n: u64) {
        self.restarts = n;
        self.restarting_at =
            i64::try_from(at).ok().and_then(|at| Timestamp::from_millisecond(at).ok());
    }

    /// Requests can still be on their way through it.
    pub fn leaves_table(&mut self) {
        self.unrouted = Some(Instant::now());
    }

    pub fn enters_table(&mut self) {
        self.unrouted = None;
        self.drained = false;
    }
}

/// `exit 1`, `signal 9`, `out of memory (R14)`
pub(super) fn describe(exit: &Exit) -> String {
    match (exit.oom, &exit.reason, exit.signal, exit.code) {
        (true, ..) => "out of memory (R14)".to_string(),
        (_, Some(reason), ..) => format!("could not be started: {reason}"),
        (_, _, Some(signal), _) => format!("signal {signal}"),
        (_, _, _, code) => format!("exit {}", code.unwrap_or(-1)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::Blame;
    use crate::run::actions::starting;

    fn of_keeper_7() -> (Running, mpsc::UnboundedReceiver<Request>) {
        let process_type = crate::app::ProcessType::web();
        let id = InstanceId { process_type, index: 1, keeper: 7 };
        let (requests, wanted) = mpsc::unbounded_channel();
        (starting(id, ReleaseNumber(1), None, 1, requests), wanted)
    }

    #[test]
    fn a_failure_is_told_once_and_what_is_wanted_again_is_tried_at_once() {
        let (mut running, mut asked) = of_keeper_7();
        running.try_again();
        assert!(asked.try_recv().is_err(), "nothing has failed");
        running.exited(&Exit { code: Some(1), ..Exit::default() }, Timestamp::UNIX_EPOCH);
        running.try_again();
        assert_eq!(running.failure, None);
        assert_eq!(asked.try_recv(), Ok(Request::Restart));
        running.try_again();
        assert!(asked.try_recv().is_err(), "it is on its way");
    }

    #[test]
    fn a_sandbox_that_cannot_be_made_is_not_the_apps_fault() {
        let exit = |code, reason: Option<&str>| Exit {
            code: Some(code),
            reason: reason.map(str::to_string),
            ..Exit::default()
        };
        let cases = [
            (exit(crate::sandbox::SETUP_FAILED, Some("mount /proc: I/O error")), Blame::Platform),
            (exit(crate::sandbox::NOT_FOUND, Some("run ghost: not found")), Blame::App),
            (exit(crate::sandbox::SETUP_FAILED, None), Blame::App),
        ];
        for (exit, blame) in cases {
            let (mut running, _asked) = of_keeper_7();
            running.exited(&exit, Timestamp::UNIX_EPOCH);
            assert_eq!(running.failure.unwrap().blame, blame, "{exit:?}");
        }
    }
}
