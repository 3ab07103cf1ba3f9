//! The keeper's loop: everything that happens becomes an event of the machine, and every
//! action of the machine is carried out here. One thread, one poll.

mod control;
mod effects;

use super::Passed;
use super::clients::Clients;
use super::incarnation::Main;
use super::machine::{Event, Moment, Phase, State, step};
use super::output::Stream;
use super::record::Record;
use super::spec::KeeperSpec;
use super::wait::{Source, wait};
use crate::app::Failure;
use crate::sandbox::cgroup::{Cgroup, MemoryWatch};
use crate::sandbox::{Program, StepError, sys};
use rustix::process::{Pid, WaitOptions};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const SIGTERM: i32 = 15;
const SIGINT: i32 = 2;
const SIGCHLD: i32 = 17;

pub struct Life {
    pub(super) spec: KeeperSpec,
    pub(super) state: State,
    pub(super) main: Option<Main>,
    program: Result<Program, StepError>,
    cgroup: Option<Cgroup>,
    clients: Clients,
    stream: Stream,
    stdio: Option<[OwnedFd; 3]>,
    lifeline: Option<OwnedFd>,
    signals: OwnedFd,
    memory: Option<MemoryWatch>,
    record: Option<Record>,
    epoch: Instant,
    chance: u64,
    /// A client has learnt the final result.
    told: bool,
}

impl Life {
    pub fn new(
        spec: KeeperSpec,
        cgroup: Option<Cgroup>,
        listener: OwnedFd,
        passed: Passed,
    ) -> Result<Life, Failure> {
        let signals = sys::signal_fd(&[SIGCHLD, SIGTERM, SIGINT]).map_err(|error| {
            Failure::platform("cannot wait for signals").because(std::io::Error::from(error))
        })?;
        Ok(Life {
            state: State::new(spec.restart.clone(), spec.stop_window_ms),
            main: None,
            memory: cgroup.as_ref().and_then(Cgroup::watch_memory),
            program: Program::new(&spec.argv, &spec.env),
            cgroup,
            clients: Clients::new(listener),
            stream: Stream::open(&spec)?,
            stdio: passed.stdio,
            lifeline: passed.lifeline,
            signals,
            record: None,
            epoch: Instant::now(),
            chance: seed(&spec.nonce),
            told: false,
            spec,
        })
    }

    /// Lives until the instance is over; the exit code of the keeper.
    pub fn run(&mut self, record: Record) -> i32 {
        self.record = Some(record);
        self.happen(Event::Begin);
        while self.state.phase != Phase::Ended {
            self.turn();
        }
        0
    }

    /// One round: wait, then look at everything in the order of its urgency.
    fn turn(&mut self) {
        let ready = wait(&self.sources(), self.patience());
        for source in &ready {
            match source {
                Source::Signals => self.signals(),
                Source::Setup => self.setup_moved(),
                Source::Memory { urgent } => self.memory_short(*urgent),
                _ => {}
            }
        }
        self.reap();
        // From the last: dropping one moves those behind it.
        for source in ready.iter().rev() {
            match source {
                Source::Client(index) => self.hear(*index),
                Source::Lifeline => {
                    self.lifeline = None;
                    self.happen(Event::Stop { window_ms: None });
                }
                _ => {}
            }
        }
        if ready.contains(&Source::Listener) {
            self.clients.accept();
        }
        if ready.contains(&Source::Output) {
            self.stream.take();
        }
        self.stream.tick_when_due();
        if self.state.wakeup().is_some_and(|due| self.now() >= due) {
            self.happen(Event::Tick);
        }
    }

    fn sources(&self) -> Vec<(Source, BorrowedFd<'_>)> {
        let mut sources = vec![
            (Source::Signals, self.signals.as_fd()),
            (Source::Listener, self.clients.listener()),
        ];
        let setup = self.main.as_ref().and_then(Main::setup);
        sources.extend(setup.map(|fd| (Source::Setup, fd)));
        sources.extend(self.lifeline.as_ref().map(|fd| (Source::Lifeline, fd.as_fd())));
        let memory = self.memory.as_ref();
        sources.extend(
            memory.map(|watch| (Source::Memory { urgent: watch.is_urgent_kind() }, watch.handle())),
        );
        sources.extend(self.stream.source().map(|fd| (Source::Output, fd)));
        let clients = self.clients.iter().enumerate();
        sources.extend(clients.map(|(index, fd)| (Source::Client(index), fd.as_fd())));
        sources
    }

    fn patience(&self) -> Option<Duration> {
        let due = self.state.wakeup();
        let machine = due.map(|due| Duration::from_millis(due.saturating_sub(self.now())));
        [machine, self.stream.due_in()].into_iter().flatten().min()
    }

    fn signals(&mut self) {
        while let Some(signal) = sys::next_signal(self.signals.as_fd()) {
            if signal != SIGCHLD {
                self.happen(Event::Stop { window_ms: None });
            }
        }
    }

    /// The main process either runs its program now, or has said why it cannot.
    fn setup_moved(&mut self) {
        if self.main.as_mut().is_some_and(Main::has_come_to_run) {
            self.happen(Event::Running);
        }
    }

    /// The kernel kills a process, maybe one the main process can do without. Changed counters
    /// can also mean less than that.
    fn memory_short(&mut self, only_counters: bool) {
        if let Some(watch) = &self.memory {
            watch.reset();
        }
        let cgroup = self.cgroup.as_ref();
        let killed = self.main.as_ref().is_some_and(|main| main.is_short_of_memory(cgroup));
        if killed || !only_counters {
            self.happen(Event::OutOfMemory);
        }
    }

    /// Takes the dead. Pid 1 gets every orphan, so "no child" means "nobody is left".
    fn reap(&mut self) {
        loop {
            match rustix::process::wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) => self.reaped(pid, status),
                Ok(None) => return,
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => break,
            }
        }
        if self.state.awaits_empty() {
            self.stream.drain();
            self.happen(Event::Empty);
        }
    }

    fn reaped(&mut self, pid: Pid, status: rustix::process::WaitStatus) {
        if self.main.as_ref().is_none_or(|main| main.pid != pid) {
            return;
        }
        self.setup_moved();
        self.stream.drain();
        if let Some(main) = self.main.take() {
            self.happen(Event::Exited(main.ended(status, self.cgroup.as_ref())));
        }
    }

    fn happen(&mut self, event: Event) {
        self.chance = self.chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let at = Moment { now: self.now(), jitter: (self.chance >> 33) % 1001 };
        let (state, actions) = step(self.state.clone(), event, at);
        self.state = state;
        for action in actions {
            self.carry_out(action);
        }
        if self.told && self.is_final() {
            self.told = false;
            self.happen(Event::Told);
        }
    }

    fn now(&self) -> u64 {
        self.epoch.elapsed().as_millis() as u64
    }

    pub(super) fn to_wall(&self, due: u64) -> u64 {
        (wall_ms() + due).saturating_sub(self.now())
    }
}

pub fn wall_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

/// Different for every keeper: instances that crashed together shall not restart together.
fn seed(nonce: &str) -> u64 {
    nonce.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}
