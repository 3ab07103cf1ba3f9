//! How many routed instances may boot at once: after a reboot everything wants to start, and a
//! machine that starts it all together is late with every single one. A boot ends with the first
//! answer. Where nothing is routed nobody knows when it ends, and nobody waits for it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A boot that takes longer waits for something else than the processor; the next may begin.
const LONGEST: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub struct Boots {
    most: usize,
    under_way: Mutex<UnderWay>,
}

#[derive(Debug, Default)]
struct UnderWay {
    next: u64,
    began: BTreeMap<u64, Instant>,
}

/// The right to boot; given back when dropped.
#[derive(Debug)]
pub struct Place {
    boots: Arc<Boots>,
    number: u64,
}

impl Boots {
    /// Twice as many as there are cores.
    pub fn of_this_machine() -> Arc<Boots> {
        Boots::new(2 * std::thread::available_parallelism().map_or(1, usize::from))
    }

    fn new(most: usize) -> Arc<Boots> {
        Arc::new(Boots { most, under_way: Mutex::default() })
    }

    pub fn free(&self, now: Instant) -> usize {
        self.most.saturating_sub(self.under_way(now).began.len())
    }

    pub fn take(self: &Arc<Self>, now: Instant) -> Option<Place> {
        let mut under_way = self.under_way(now);
        if under_way.began.len() >= self.most {
            return None;
        }
        let number = under_way.next;
        under_way.next += 1;
        under_way.began.insert(number, now);
        Some(Place { boots: self.clone(), number })
    }

    /// Those that still count.
    fn under_way(&self, now: Instant) -> MutexGuard<'_, UnderWay> {
        // Each section is one map operation: there is no half-done state.
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        under_way.began.retain(|_, began| now.saturating_duration_since(*began) < LONGEST);
        under_way
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut under_way = self.boots.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        under_way.began.remove(&self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_the_most_boot_at_once() {
        let (boots, now) = (Boots::new(2), Instant::now());
        let (first, _second) = (boots.take(now), boots.take(now));
        assert!(first.is_some());
        assert!(boots.take(now).is_none());
        drop(first);
        assert_eq!(boots.free(now), 1);
        assert!(boots.take(now).is_some());
    }

    #[test]
    fn a_boot_that_hangs_does_not_keep_others_waiting() {
        let (boots, now) = (Boots::new(1), Instant::now());
        let _hanging = boots.take(now);
        assert_eq!(boots.free(now + LONGEST - Duration::from_millis(1)), 0);
        assert!(boots.take(now + LONGEST).is_some());
    }
}
