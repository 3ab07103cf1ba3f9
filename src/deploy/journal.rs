//! What a change says while it runs. One writer, any number of readers, each of which may
//! come late or come back: events are kept and numbered.

use super::{PhaseTime, Receipt};
use crate::app::Failure;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use tokio::sync::watch;

/// One line of an operation's event stream; the last one is `Done` or `Failed`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Event {
    /// From 1, without gaps.
    pub seq: u64,
    pub at: Timestamp,
    #[serde(flatten)]
    pub what: What,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum What {
    /// A phase begins: `build`, `release`, `release phase`, `start`, `switch`, `stop`,
    /// `postdeploy`.
    Phase {
        name: String,
    },
    /// It ended well; `detail` in a few words.
    PhaseDone {
        name: String,
        ms: u64,
        detail: String,
    },
    /// A line printed by a build step or the release phase.
    Output {
        line: String,
    },
    /// Something worth a line: `web.1 is ready after 412 ms`.
    Note {
        text: String,
    },
    Warning {
        text: String,
    },
    Done {
        receipt: Option<Box<Receipt>>,
    },
    Failed {
        failure: Failure,
    },
}

impl What {
    pub fn is_last(&self) -> bool {
        matches!(self, What::Done { .. } | What::Failed { .. })
    }
}

pub struct Journal {
    events: Mutex<Vec<Event>>,
    output: AtomicUsize,
    phases: Mutex<Vec<PhaseTime>>,
    length: watch::Sender<u64>,
    cancelled: watch::Sender<bool>,
}

/// A noisy build must not fill the memory of the server: past this many events, or bytes of
/// output, its lines are left out, which is said once.
const MOST_EVENTS: usize = 50_000;
const MOST_OUTPUT: usize = 8 << 20;

impl Default for Journal {
    fn default() -> Self {
        Journal {
            events: Mutex::default(),
            output: AtomicUsize::default(),
            phases: Mutex::default(),
            length: watch::Sender::new(0),
            cancelled: watch::Sender::new(false),
        }
    }
}

impl Journal {
    pub fn say(&self, what: What) {
        let mut events = lock(&self.events);
        let mut what = what;
        if let What::Output { line } = &what {
            let before = self.output.load(Ordering::Relaxed);
            if before > MOST_OUTPUT {
                return;
            }
            // Past the limit at once, so that what is left out has no gaps.
            let full = events.len() >= MOST_EVENTS || before + line.len() > MOST_OUTPUT;
            let after = if full { MOST_OUTPUT + 1 } else { before + line.len() };
            self.output.store(after, Ordering::Relaxed);
            if full {
                what = What::Warning {
                    text: "it prints more than is kept; the rest is left out".into(),
                };
            }
        }
        let seq = events.len() as u64 + 1;
        events.push(Event { seq, at: Timestamp::now(), what });
        drop(events);
        self.length.send_replace(seq);
    }

    pub fn note(&self, text: impl Into<String>) {
        self.say(What::Note { text: text.into() });
    }

    pub fn output(&self, line: impl Into<String>) {
        self.say(What::Output { line: line.into() });
    }

    pub fn warn(&self, text: impl Into<String>) {
        self.say(What::Warning { text: text.into() });
    }

    /// Begins a phase; the returned value ends it.
    #[must_use]
    pub fn phase(&self, name: &str) -> Phase<'_> {
        self.say(What::Phase { name: name.to_string() });
        Phase { journal: self, name: name.to_string(), since: Instant::now() }
    }

    pub fn phases(&self) -> Vec<PhaseTime> {
        lock(&self.phases).clone()
    }

    pub fn cancel(&self) {
        self.cancelled.send_replace(true);
    }

    pub fn is_cancelled(&self) -> bool {
        *self.cancelled.borrow()
    }

    /// Resolves when somebody cancels.
    pub async fn cancelled(&self) {
        let mut receiver = self.cancelled.subscribe();
        // The sender lives as long as self, so waiting cannot fail.
        let _ = receiver.wait_for(|cancelled| *cancelled).await;
    }

    /// The events after `seq`, at once.
    pub fn after(&self, seq: u64) -> Vec<Event> {
        let events = lock(&self.events);
        let from = usize::try_from(seq).unwrap_or(usize::MAX).min(events.len());
        events[from..].to_vec()
    }

    /// Resolves when there is an event after `seq`.
    pub async fn wait_after(&self, seq: u64) {
        let mut receiver = self.length.subscribe();
        let _ = receiver.wait_for(|length| *length > seq).await;
    }
}

/// A phase under way. Dropped without [`Phase::done`], it has failed and says nothing: the
/// failure itself follows.
pub struct Phase<'a> {
    journal: &'a Journal,
    name: String,
    since: Instant,
}

impl Phase<'_> {
    pub fn done(self, detail: impl Into<String>) {
        let ms = u64::try_from(self.since.elapsed().as_millis()).unwrap_or(u64::MAX);
        lock(&self.journal.phases).push(PhaseTime { name: self.name.clone(), ms });
        self.journal.say(What::PhaseDone { name: self.name, ms, detail: detail.into() });
    }
}

/// The data is a list that is whole after each push, so a panic elsewhere cannot spoil it.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_noisy_build_is_cut_off_once_and_what_matters_still_comes() {
        for (line, lines) in [("x".repeat(4000), 5_000), (String::new(), 60_000)] {
            let journal = Journal::default();
            (0..lines).for_each(|_| journal.output(line.clone()));
            journal.note("it ended");
            journal.output("late");
            let events = journal.after(0);
            let told =
                |wanted: fn(&What) -> bool| events.iter().filter(|e| wanted(&e.what)).count();
            assert_eq!(told(|what| matches!(what, What::Warning { .. })), 1);
            assert!(told(|what| matches!(what, What::Output { .. })) <= MOST_EVENTS);
            assert!(matches!(events.last().unwrap().what, What::Note { .. }), "late is left out");
        }
    }
}
