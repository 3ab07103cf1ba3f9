//! A start that failed, and when to try again: after a span, and not at a time of day, which a
//! clock that is set back would put off.

use super::view::NotStarted;
use crate::app::Failure;
use jiff::Timestamp;
use std::time::{Duration, Instant};

pub(super) struct StartFailure {
    pub failure: Failure,
    pub times: u32,
    pub retry_at: Instant,
}

impl StartFailure {
    pub fn new(failure: Failure, times: u32, pause: Duration) -> StartFailure {
        StartFailure { failure, times, retry_at: Instant::now() + pause }
    }

    /// As the clock has it now.
    pub fn due(&self) -> Timestamp {
        self.due_at(Timestamp::now(), Instant::now())
    }

    fn due_at(&self, clock: Timestamp, now: Instant) -> Timestamp {
        clock + self.retry_at.saturating_duration_since(now)
    }
}

impl From<&StartFailure> for NotStarted {
    fn from(failed: &StartFailure) -> Self {
        NotStarted { failure: failed.failure.clone(), retry_at: failed.due() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_set_back_does_not_put_the_next_try_off() {
        let failure = Failure::platform("no");
        let failed = StartFailure::new(failure, 1, Duration::from_secs(8));
        let began = failed.retry_at - Duration::from_secs(8);
        let yesterday = Timestamp::now() - Duration::from_secs(86_400);
        let after = |seconds| began + Duration::from_secs(seconds);
        assert_eq!(failed.due_at(yesterday, after(5)), yesterday + Duration::from_secs(3));
        assert_eq!(failed.due_at(yesterday, after(9)), yesterday, "it is due");
    }
}
