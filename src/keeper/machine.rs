//! What a keeper does next, as a pure function: one state, one event, one moment in; one
//! state and a list of actions out. Effects, clocks and chance are the loop's.

mod state;

use super::protocol::{Exit, Notice};
use super::spec::Restart;
use super::words;
use state::{FINAL_MS, KILL_AGAIN_MS, delay};
pub use state::{Goal, Phase, State};

/// When something happens, in milliseconds of a clock that never goes back, and a number
/// drawn for it, 0 to 1000, that spreads restarts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    pub now: u64,
    pub jitter: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    Begin,
    /// The program runs: the sandbox is built.
    Running,
    /// The main process ended, or could not be started.
    Exited(Exit),
    /// The kernel killed a process of the instance for want of memory.
    OutOfMemory,
    /// No process of the instance is left.
    Empty,
    /// `None`: the window of the spec.
    Stop {
        window_ms: Option<u64>,
    },
    Kill,
    Restart,
    Signal(i32),
    /// Time has passed; due at [`State::wakeup`], harmless at any other moment.
    Tick,
    /// A client has learnt the final result.
    Told,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    Spawn,
    /// To the main process group.
    Signal(i32),
    /// SIGKILL to everything in the instance.
    KillAll,
    Tell(Notice),
    Log(String),
    /// Clean up and end the keeper.
    End,
}

const SIGTERM: i32 = 15;

pub fn step(mut state: State, event: Event, at: Moment) -> (State, Vec<Action>) {
    let mut actions = Vec::new();
    state.take(event, at, &mut actions);
    (state, actions)
}

impl State {
    fn take(&mut self, event: Event, at: Moment, out: &mut Vec<Action>) {
        match event {
            Event::Begin if self.phase == Phase::New => self.spawn(out),
            Event::Running if self.phase == Phase::Starting => {
                self.phase = Phase::Running { since: at.now, ready: false };
                out.push(Action::Tell(Notice::Started { incarnation: self.incarnation }));
            }
            Event::Exited(exit) if self.main_alive => self.exited(exit, at, out),
            Event::OutOfMemory if self.main_alive => self.out_of_memory(out),
            Event::Empty if self.awaits_empty() => self.empty(at, out),
            Event::Stop { window_ms } => {
                self.stop(Goal::Stop, window_ms.unwrap_or(self.stop_window_ms), at, out);
            }
            Event::Kill => self.kill(at, out),
            Event::Restart => self.restart(at, out),
            Event::Signal(signal) if self.main_alive => out.push(Action::Signal(signal)),
            Event::Tick => self.tick(at, out),
            Event::Told if matches!(self.phase, Phase::Final { .. }) => self.end(out),
            _ => {}
        }
    }

    fn spawn(&mut self, out: &mut Vec<Action>) {
        self.phase = Phase::Starting;
        self.goal = Goal::Run;
        self.main_alive = true;
        self.memory_named = false;
        self.incarnation += 1;
        out.push(Action::Spawn);
    }

    /// Said once for each incarnation: a process that is killed over and over would fill the
    /// log.
    fn out_of_memory(&mut self, out: &mut Vec<Action>) {
        if !self.memory_named {
            self.memory_named = true;
            out.push(Action::Log(words::OUT_OF_MEMORY.into()));
        }
    }

    fn exited(&mut self, exit: Exit, at: Moment, out: &mut Vec<Action>) {
        self.main_alive = false;
        if exit.oom {
            self.out_of_memory(out);
        }
        words::exited(&exit, self.goal, &self.restart, out);
        if let (Restart::Always { healthy_ms, .. }, Phase::Running { since, .. }) =
            (&self.restart, self.phase)
            && at.now.saturating_sub(since) >= *healthy_ms
        {
            self.streak = 0;
        }
        self.last_exit = Some(exit);
        if !matches!(self.phase, Phase::Stopping { .. } | Phase::Clearing { .. }) {
            self.clear(at, out);
        }
    }

    fn clear(&mut self, at: Moment, out: &mut Vec<Action>) {
        self.phase = Phase::Clearing { again_at: at.now + KILL_AGAIN_MS };
        out.push(Action::KillAll);
    }

    fn empty(&mut self, at: Moment, out: &mut Vec<Action>) {
        let exit = self.last_exit.clone().unwrap_or_default();
        out.push(Action::Tell(Notice::Exited(exit)));
        match (self.goal, &self.restart) {
            (Goal::Stop, _) => self.stopped(at, out),
            (_, Restart::Never) => self.phase = Phase::Final { until: at.now + FINAL_MS },
            (Goal::Restart, _) => {
                self.streak = 0;
                self.restarts += 1;
                self.spawn(out);
            }
            (Goal::Run, Restart::Always { first_ms, most_ms, .. }) => {
                let delay = delay(self.streak, *first_ms, *most_ms, at.jitter);
                self.streak = self.streak.saturating_add(1);
                self.back_off(delay, at, out);
            }
        }
    }

    fn back_off(&mut self, delay: u64, at: Moment, out: &mut Vec<Action>) {
        self.restarts += 1;
        let until = at.now + delay;
        out.push(Action::Tell(Notice::Restarting { at: until, n: self.streak.into() }));
        out.push(Action::Log(words::restarting(delay, self.streak)));
        match delay {
            0 => self.spawn(out),
            _ => self.phase = Phase::BackingOff { until },
        }
    }

    fn stopped(&mut self, at: Moment, out: &mut Vec<Action>) {
        out.push(Action::Tell(Notice::Stopped));
        match self.restart {
            Restart::Always { .. } => self.end(out),
            Restart::Never => self.phase = Phase::Final { until: at.now + FINAL_MS },
        }
    }

    fn end(&mut self, out: &mut Vec<Action>) {
        self.phase = Phase::Ended;
        out.push(Action::End);
    }

    /// SIGTERM, with a goal for afterwards. Asked again, the window can only get shorter.
    fn stop(&mut self, goal: Goal, window_ms: u64, at: Moment, out: &mut Vec<Action>) {
        let wanted = at.now.saturating_add(window_ms);
        match self.phase {
            Phase::New | Phase::BackingOff { .. } => {
                self.goal = goal;
                self.stopped(at, out);
            }
            Phase::Starting | Phase::Running { .. } => {
                self.goal = goal;
                self.phase = Phase::Stopping { kill_at: wanted, window_ms };
                out.push(Action::Log(words::STOPPING.into()));
                out.push(Action::Signal(SIGTERM));
            }
            Phase::Stopping { kill_at, window_ms: before } => {
                self.goal = goal;
                if wanted < kill_at {
                    self.phase = Phase::Stopping { kill_at: wanted, window_ms: before };
                }
            }
            Phase::Clearing { .. } => self.goal = goal,
            Phase::Final { .. } | Phase::Ended => {}
        }
    }

    fn kill(&mut self, at: Moment, out: &mut Vec<Action>) {
        match self.phase {
            Phase::Starting | Phase::Running { .. } | Phase::Stopping { .. } => {
                self.goal = Goal::Stop;
                self.clear(at, out);
            }
            _ => self.stop(Goal::Stop, 0, at, out),
        }
    }

    fn restart(&mut self, at: Moment, out: &mut Vec<Action>) {
        if self.restart == Restart::Never || self.goal == Goal::Stop {
            return;
        }
        match self.phase {
            Phase::BackingOff { .. } => {
                self.streak = 0;
                self.spawn(out);
            }
            Phase::New => {}
            _ => self.stop(Goal::Restart, self.stop_window_ms, at, out),
        }
    }

    fn tick(&mut self, at: Moment, out: &mut Vec<Action>) {
        if self.wakeup().is_none_or(|due| at.now < due) {
            return;
        }
        match self.phase {
            Phase::Running { since, .. } => {
                self.phase = Phase::Running { since, ready: true };
                out.push(Action::Tell(Notice::Ready));
                out.push(Action::Log(words::UP.into()));
            }
            Phase::Stopping { window_ms, .. } => {
                words::out_of_time(window_ms, out);
                self.clear(at, out);
            }
            Phase::Clearing { .. } => self.clear(at, out),
            Phase::BackingOff { .. } => self.spawn(out),
            Phase::Final { .. } => self.end(out),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod walk;
