//! What a keeper remembers between two events.

use crate::keeper::protocol::Exit;
use crate::keeper::spec::Restart;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    New,
    /// The sandbox is being built.
    Starting,
    Running {
        since: u64,
        ready: bool,
    },
    /// SIGTERM is out.
    Stopping {
        kill_at: u64,
        window_ms: u64,
    },
    /// SIGKILL is out, and goes out again until nothing is left.
    Clearing {
        again_at: u64,
    },
    BackingOff {
        until: u64,
    },
    /// Over; stays for a client to learn the result.
    Final {
        until: u64,
    },
    Ended,
}

/// What comes after the present incarnation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Goal {
    Run,
    Restart,
    Stop,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    pub restart: Restart,
    pub stop_window_ms: u64,
    pub phase: Phase,
    pub goal: Goal,
    pub main_alive: bool,
    /// The log says that this incarnation ran out of memory.
    pub memory_named: bool,
    pub incarnation: u64,
    /// Of this keeper's life.
    pub restarts: u64,
    /// Crashes since it was last healthy.
    pub streak: u32,
    pub last_exit: Option<Exit>,
}

pub const READY_AFTER_MS: u64 = 1000;
pub const KILL_AGAIN_MS: u64 = 50;
/// How long a final result waits for somebody to ask.
pub const FINAL_MS: u64 = 10_000;

impl State {
    pub fn new(restart: Restart, stop_window_ms: u64) -> State {
        State {
            restart,
            stop_window_ms,
            phase: Phase::New,
            goal: Goal::Run,
            main_alive: false,
            memory_named: false,
            incarnation: 0,
            restarts: 0,
            streak: 0,
            last_exit: None,
        }
    }

    /// When [`super::Event::Tick`] is due.
    pub fn wakeup(&self) -> Option<u64> {
        match self.phase {
            Phase::Running { since, ready: false } => Some(since + READY_AFTER_MS),
            Phase::Stopping { kill_at, .. } => Some(kill_at),
            Phase::Clearing { again_at } => Some(again_at),
            Phase::BackingOff { until } | Phase::Final { until } => Some(until),
            _ => None,
        }
    }

    /// True when [`super::Event::Empty`] means something: the main process has ended, and
    /// the rest is on its way.
    pub fn awaits_empty(&self) -> bool {
        let ending = matches!(self.phase, Phase::Stopping { .. } | Phase::Clearing { .. });
        ending && !self.main_alive
    }
}

/// At once the first time, then doubling, 25 % either way, never past `most_ms`.
pub fn delay(streak: u32, first_ms: u64, most_ms: u64, jitter: u64) -> u64 {
    let Some(doublings) = streak.checked_sub(1) else { return 0 };
    let base = first_ms.saturating_mul(1 << doublings.min(30)).min(most_ms);
    (base / 1000 * (750 + jitter.min(1000) / 2) + base % 1000 * (750 + jitter.min(1000) / 2) / 1000)
        .min(most_ms)
}
