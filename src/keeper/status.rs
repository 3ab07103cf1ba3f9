//! A keeper's state in the words of the protocol.

use super::life::Life;
use super::machine::{Goal, Phase, State};
use super::protocol::{StateWord, Status};

pub fn of(life: &Life) -> Status {
    let state = &life.state;
    let restart_at = match state.phase {
        Phase::BackingOff { until } => Some(life.to_wall(until)),
        _ => None,
    };
    Status {
        nonce: life.spec.nonce.clone(),
        state: word(state),
        incarnation: state.incarnation,
        main_pid: life.main.as_ref().and_then(|main| pid_on_host(main.pid)),
        ready: matches!(state.phase, Phase::Running { ready: true, .. }),
        started_at: life.main.as_ref().map(|main| main.started_at),
        restarts: state.restarts,
        restart_at,
        crashes: state.streak.into(),
        last_exit: state.last_exit.clone(),
    }
}

pub fn word(state: &State) -> StateWord {
    match (state.phase, state.goal) {
        (Phase::New | Phase::Starting, _) => StateWord::Starting,
        (Phase::Running { .. }, _) => StateWord::Running,
        (Phase::Stopping { .. }, _) | (Phase::Clearing { .. }, Goal::Stop) => StateWord::Stopping,
        (Phase::Clearing { .. }, _) => StateWord::Exiting,
        (Phase::BackingOff { .. }, _) => StateWord::BackingOff,
        (Phase::Final { .. } | Phase::Ended, Goal::Stop) => StateWord::Stopped,
        (Phase::Final { .. } | Phase::Ended, _) => StateWord::Exited,
    }
}

/// The keeper counts in its own namespace; its `/proc` is the host's, where a pidfd shows
/// the pid the host knows.
fn pid_on_host(pid: rustix::process::Pid) -> Option<i32> {
    use std::os::fd::AsRawFd;
    let flags = rustix::process::PidfdFlags::empty();
    let handle = rustix::process::pidfd_open(pid, flags).ok()?;
    let path = format!("/proc/self/fdinfo/{}", handle.as_raw_fd());
    let text = std::fs::read_to_string(path).ok()?;
    text.lines().find_map(|line| line.strip_prefix("Pid:")?.trim().parse().ok())
}
