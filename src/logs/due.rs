//! When a writer has something to do although its app prints nothing.

use jiff::{SignedDuration, Timestamp};
use std::time::Duration;

/// How long the start of a line waits for its end. Long enough for a program that writes a
/// line in two calls on a busy machine, short enough for a prompt.
const PARTIAL_WAITS: SignedDuration = SignedDuration::from_secs(1);
/// Power loss costs no more than this.
pub const SYNC_EVERY: SignedDuration = SignedDuration::from_secs(1);
/// On a slow disk syncing may not take more than a fifth of the time: the app waits meanwhile.
const REST_PER_SYNC: i32 = 4;

#[derive(Debug, Default)]
pub struct Due {
    pub flush_at: Option<Timestamp>,
    pub sync_at: Option<Timestamp>,
    /// Longer than [`SYNC_EVERY`] when the last sync took long.
    rest: SignedDuration,
}

impl Due {
    /// Whether a line has begun and not ended.
    pub fn partial(&mut self, begun: bool, now: Timestamp) {
        self.flush_at = self.flush_at.or(Some(after(now, PARTIAL_WAITS))).filter(|_| begun);
    }

    pub fn written(&mut self, now: Timestamp) {
        self.sync_at = self.sync_at.or(Some(after(now, self.rest.max(SYNC_EVERY))));
    }

    pub fn synced(&mut self, took: Duration) {
        self.rest = SignedDuration::try_from(took).unwrap_or(SYNC_EVERY) * REST_PER_SYNC;
    }

    /// The clock was set back: a deadline of the old time could be hours away.
    pub fn all(&mut self, now: Timestamp) {
        self.flush_at = self.flush_at.map(|_| now);
        self.sync_at = self.sync_at.map(|_| now);
    }
}

pub fn after(at: Timestamp, span: SignedDuration) -> Timestamp {
    at.saturating_add(span).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_disk_is_synced_less_often() {
        let now = Timestamp::UNIX_EPOCH;
        let mut due = Due::default();
        due.synced(Duration::from_millis(10));
        due.written(now);
        assert_eq!(due.sync_at.take(), Some(after(now, SYNC_EVERY)));
        due.synced(Duration::from_secs(3));
        due.written(now);
        assert_eq!(due.sync_at, Some(after(now, SignedDuration::from_secs(12))));
    }

    #[test]
    fn the_start_of_a_line_waits_from_its_first_byte() {
        let (first, later) = (Timestamp::UNIX_EPOCH, Timestamp::from_millisecond(500).unwrap());
        let mut due = Due::default();
        due.partial(true, first);
        due.partial(true, later);
        assert_eq!(due.flush_at, Some(after(first, PARTIAL_WAITS)));
        due.partial(false, later);
        assert_eq!(due.flush_at, None);
    }
}
