//! The keeper's loop: everything that happens becomes an event of the machine, and every
//! action of the machine is carried out here. One thread, one poll.

use super::Passed;
use super::clients::Clients;
use super::machine::{Action, Event, Moment, Phase, State, step};
use super::output::Stream;
use super::protocol::{Answer, Exit, Notice, Request, decode};
use super::record::Record;
use super::spec::{KeeperSpec, Restart};
use super::{status, words};
use crate::sandbox::cgroup::Cgroup;
use crate::sandbox::{self, Program, StepError, sys};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, WaitOptions};
use std::io;
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
    record: Option<Record>,
    epoch: Instant,
    chance: u64,
    told: bool,
}

/// The main process of the present incarnation.
pub(super) struct Main {
    pub pid: Pid,
    /// Open until its program runs.
    setup: Option<OwnedFd>,
    reason: Option<String>,
    oom_before: u64,
    pub started_at: u64,
}

impl Life {
    pub fn new(
        spec: KeeperSpec,
        cgroup: Option<Cgroup>,
        listener: OwnedFd,
        passed: Passed,
    ) -> io::Result<Life> {
        let signals = sys::signal_fd(&[SIGCHLD, SIGTERM, SIGINT])?;
        Ok(Life {
            state: State::new(spec.restart.clone(), spec.stop_window_ms),
            main: None,
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
        let ready = self.wait();
        if ready.signals {
            self.signals();
        }
        if ready.setup {
            self.setup_moved();
        }
        self.reap();
        if ready.listener {
            self.clients.accept();
        }
        for index in ready.clients.into_iter().rev() {
            self.hear(index);
        }
        if ready.lifeline {
            self.lifeline = None;
            self.happen(Event::Stop { window_ms: None });
        }
        for index in ready.output.into_iter().rev() {
            self.stream.take(index);
        }
        if self.state.wakeup().is_some_and(|due| self.now() >= due) {
            self.happen(Event::Tick);
        }
    }

    fn wait(&self) -> Ready {
        let setup = self.main.as_ref().and_then(|main| main.setup.as_ref());
        let mut sources: Vec<(Source, BorrowedFd<'_>)> = vec![
            (Source::Signals, self.signals.as_fd()),
            (Source::Listener, self.clients.listener()),
        ];
        sources.extend(setup.map(|fd| (Source::Setup, fd.as_fd())));
        sources.extend(self.lifeline.as_ref().map(|fd| (Source::Lifeline, fd.as_fd())));
        let clients = self.clients.iter().enumerate();
        sources.extend(clients.map(|(index, fd)| (Source::Client(index), fd.as_fd())));
        let output = self.stream.sources().enumerate();
        sources.extend(output.map(|(index, fd)| (Source::Output(index), fd)));
        let mut polled: Vec<_> =
            sources.iter().map(|(_, fd)| PollFd::from_borrowed_fd(*fd, PollFlags::IN)).collect();
        let timeout = self.state.wakeup().map(|due| {
            let left = Duration::from_millis(due.saturating_sub(self.now()));
            Timespec { tv_sec: left.as_secs() as i64, tv_nsec: left.subsec_nanos().into() }
        });
        let _ = poll(&mut polled, timeout.as_ref());
        let mut ready = Ready::default();
        for ((source, _), fd) in sources.iter().zip(&polled) {
            if !fd.revents().is_empty() {
                ready.mark(*source);
            }
        }
        ready
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
        let Some(main) = &mut self.main else { return };
        let Some(setup) = main.setup.take() else { return };
        main.reason = sandbox::setup_error(setup);
        if main.reason.is_none() {
            self.happen(Event::Running);
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
        if !self.state.main_alive
            && matches!(self.state.phase, Phase::Stopping { .. } | Phase::Clearing { .. })
        {
            self.stream.drain();
            self.happen(Event::Empty);
        }
    }

    fn reaped(&mut self, pid: Pid, status: rustix::process::WaitStatus) {
        if self.main.as_ref().is_none_or(|main| main.pid != pid) {
            return;
        }
        self.setup_moved();
        let Some(main) = self.main.take() else { return };
        let exit = Exit {
            code: status.exit_status(),
            signal: status.terminating_signal(),
            oom: self.oom_kills() > main.oom_before,
            reason: main.reason,
        };
        self.happen(Event::Exited(exit));
    }

    fn oom_kills(&self) -> u64 {
        self.cgroup.as_ref().map_or(0, Cgroup::oom_kills)
    }

    fn hear(&mut self, index: usize) {
        match self.clients.receive(index) {
            Err(_) => self.clients.drop(index),
            Ok(None) => {}
            Ok(Some(bytes)) => {
                let (answer, event) = self.answer(&bytes);
                let sent = self.clients.send(index, &answer);
                let final_told = sent
                    && matches!(answer, Answer::Status(_))
                    && matches!(self.state.phase, Phase::Final { .. });
                if let Some(event) = event {
                    self.happen(event);
                }
                if final_told {
                    self.happen(Event::Told);
                }
            }
        }
    }

    fn answer(&self, bytes: &[u8]) -> (Answer, Option<Event>) {
        let event = match decode::<Request>(bytes) {
            Err(reason) => return (Answer::Refused { reason }, None),
            Ok(Request::Status) => return (Answer::Status(status::of(self)), None),
            Ok(Request::Stop { window_ms }) => Event::Stop { window_ms },
            Ok(Request::Kill) => Event::Kill,
            Ok(Request::Restart) if self.spec.restart == Restart::Never => {
                let reason = "this process is not restarted".to_string();
                return (Answer::Refused { reason }, None);
            }
            Ok(Request::Restart) => Event::Restart,
            Ok(Request::Signal { signal }) => Event::Signal(signal),
        };
        (Answer::Accepted, Some(event))
    }

    fn happen(&mut self, event: Event) {
        self.chance = self.chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let at = Moment { now: self.now(), jitter: (self.chance >> 33) % 1001 };
        let (state, actions) = step(self.state.clone(), event, at);
        self.state = state;
        for action in actions {
            self.carry_out(action);
        }
        if self.told && matches!(self.state.phase, Phase::Final { .. }) {
            self.told = false;
            self.happen(Event::Told);
        }
    }

    fn carry_out(&mut self, action: Action) {
        match action {
            Action::Spawn => self.spawn(),
            Action::Signal(signal) => self.signal(signal),
            Action::KillAll => {
                if let Some(cgroup) = &self.cgroup {
                    cgroup.kill();
                }
                let _ = sys::kill_all_others();
            }
            Action::Tell(notice) => self.tell(notice),
            Action::Log(line) => self.stream.say(&line),
            Action::End => self.clean_up(),
        }
    }

    fn spawn(&mut self) {
        self.stream.say(&words::starting(&self.spec.argv));
        let oom_before = self.oom_kills();
        let started_at = wall_ms();
        match self.start_program() {
            Ok(child) => {
                if self.spec.restart == Restart::Never {
                    // So that a reader sees the end when the process ends, not the keeper.
                    self.stdio = None;
                }
                let (pid, setup) = (child.pid, Some(child.setup));
                self.main = Some(Main { pid, setup, reason: None, oom_before, started_at });
            }
            Err(error) => {
                let code = Some(sandbox::SETUP_FAILED);
                let reason = Some(error.to_string());
                self.happen(Event::Exited(Exit { code, reason, ..Exit::default() }));
            }
        }
    }

    fn start_program(&mut self) -> Result<sandbox::Child, StepError> {
        let program = self.program.as_ref().map_err(Clone::clone)?;
        let made = match &self.stdio {
            Some(_) => None,
            None => {
                let failed = |error: io::Error| StepError::new("make pipes", error.to_string());
                let null = std::fs::File::open("/dev/null").map_err(failed)?;
                let [out, err] = self.stream.pipes().map_err(|error| failed(error.into()))?;
                Some([null.into(), out, err])
            }
        };
        let [stdin, stdout, stderr] = match (&self.stdio, &made) {
            (Some(passed), _) | (None, Some(passed)) => passed,
            (None, None) => return Err(StepError::new("make pipes", "none there")),
        };
        let stdio = [stdin.as_fd(), stdout.as_fd(), stderr.as_fd()];
        sandbox::spawn(&self.spec.sandbox, self.cgroup.as_ref(), program, stdio)
    }

    fn signal(&self, signal: i32) {
        let (Some(main), Some(signal)) = (&self.main, Signal::from_named_raw(signal)) else {
            return;
        };
        if rustix::process::kill_process_group(main.pid, signal).is_err() {
            // It has not made its group yet.
            let _ = rustix::process::kill_process(main.pid, signal);
        }
    }

    fn tell(&mut self, notice: Notice) {
        let notice = match notice {
            Notice::Restarting { at, n } => Notice::Restarting { at: self.to_wall(at), n },
            other => other,
        };
        if let (Notice::Exited(exit), Restart::Never) = (&notice, &self.spec.restart)
            && let Some(record) = &mut self.record
        {
            record.result = Some(exit.clone());
            let _ = record.write(&self.spec.record);
        }
        let reached = self.clients.tell_all(&notice);
        self.told |= reached > 0 && matches!(notice, Notice::Exited(_) | Notice::Stopped);
    }

    /// Nothing stays but, for a process that is not restarted, the record with its result.
    fn clean_up(&mut self) {
        if let Some(cgroup) = &self.cgroup {
            cgroup.destroy(Duration::from_secs(5));
        }
        let _ = std::fs::remove_file(&self.spec.socket);
        if self.spec.restart != Restart::Never {
            let _ = std::fs::remove_file(&self.spec.record);
        }
    }

    fn now(&self) -> u64 {
        self.epoch.elapsed().as_millis() as u64
    }

    pub(super) fn to_wall(&self, due: u64) -> u64 {
        (wall_ms() + due).saturating_sub(self.now())
    }
}

fn wall_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64)
}

/// Different for every keeper: instances that crashed together shall not restart together.
fn seed(nonce: &str) -> u64 {
    nonce.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[derive(Debug, Clone, Copy)]
enum Source {
    Signals,
    Listener,
    Setup,
    Lifeline,
    Client(usize),
    Output(usize),
}

#[derive(Debug, Default)]
struct Ready {
    signals: bool,
    listener: bool,
    setup: bool,
    lifeline: bool,
    clients: Vec<usize>,
    output: Vec<usize>,
}

impl Ready {
    fn mark(&mut self, source: Source) {
        match source {
            Source::Signals => self.signals = true,
            Source::Listener => self.listener = true,
            Source::Setup => self.setup = true,
            Source::Lifeline => self.lifeline = true,
            Source::Client(index) => self.clients.push(index),
            Source::Output(index) => self.output.push(index),
        }
    }
}
