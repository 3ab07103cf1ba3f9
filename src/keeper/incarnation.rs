//! One main process: how it is started, and how its end is read.

use super::life::wall_ms;
use super::output::Stream;
use super::protocol::Exit;
use super::spec::KeeperSpec;
use crate::sandbox::cgroup::Cgroup;
use crate::sandbox::{self, Program, StepError};
use rustix::process::{Pid, Signal, WaitStatus};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

pub struct Main {
    pub pid: Pid,
    pub started_at: u64,
    /// Open until its program runs.
    setup: Option<OwnedFd>,
    reason: Option<String>,
    oom_before: u64,
}

impl Main {
    /// Starts the program with the passed streams, or with `/dev/null` and the log's pipe.
    pub fn start(
        spec: &KeeperSpec,
        program: &Program,
        cgroup: Option<&Cgroup>,
        passed: Option<&[OwnedFd; 3]>,
        made: &OwnedFd,
    ) -> Result<Main, StepError> {
        let started_at = wall_ms();
        let oom_before = cgroup.map_or(0, Cgroup::oom_kills);
        let null = std::fs::File::open("/dev/null")
            .map_err(|error| StepError::new("open /dev/null", error.to_string()))?;
        let stdio = match passed {
            Some([stdin, stdout, stderr]) => [stdin.as_fd(), stdout.as_fd(), stderr.as_fd()],
            None => [null.as_fd(), made.as_fd(), made.as_fd()],
        };
        let child = sandbox::spawn(&spec.sandbox, cgroup, program, stdio)?;
        let (pid, setup) = (child.pid, Some(child.setup));
        Ok(Main { pid, started_at, setup, reason: None, oom_before })
    }

    pub fn setup(&self) -> Option<BorrowedFd<'_>> {
        self.setup.as_ref().map(|setup| setup.as_fd())
    }

    /// True when its program has come to run since this was last asked.
    pub fn has_come_to_run(&mut self) -> bool {
        let Some(setup) = self.setup.take() else { return false };
        self.reason = sandbox::setup_error(setup);
        self.reason.is_none()
    }

    /// To its process group; to itself while it has not made one yet. Who is stopped is woken
    /// to hear that it shall end.
    pub fn signal(&self, signal: i32) {
        let Some(signal) = Signal::from_named_raw(signal) else { return };
        self.send(signal);
        if signal == Signal::TERM {
            self.send(Signal::CONT);
        }
    }

    fn send(&self, signal: Signal) {
        if rustix::process::kill_process_group(self.pid, signal).is_err() {
            let _ = rustix::process::kill_process(self.pid, signal);
        }
    }

    /// True when the kernel has killed a process of this incarnation for want of memory.
    pub fn is_short_of_memory(&self, cgroup: Option<&Cgroup>) -> bool {
        cgroup.map_or(0, Cgroup::oom_kills) > self.oom_before
    }

    pub fn ended(self, status: WaitStatus, cgroup: Option<&Cgroup>) -> Exit {
        Exit {
            code: status.exit_status(),
            signal: status.terminating_signal(),
            oom: self.is_short_of_memory(cgroup),
            reason: self.reason,
        }
    }
}

/// A main process that could not even be forked.
pub fn not_started(error: &StepError) -> Exit {
    let code = Some(sandbox::SETUP_FAILED);
    Exit { code, reason: Some(error.to_string()), ..Exit::default() }
}

/// The log's pipe for the next main process, as a step of its start.
pub fn pipe(stream: &mut Stream, incarnation: u64) -> Result<OwnedFd, StepError> {
    let failed = |error| StepError::new("make a pipe", std::io::Error::from(error).to_string());
    stream.begin(incarnation).map_err(failed)
}
