//! What a deploy's visitors met in each of the last seconds.

use serde::{Deserialize, Serialize};
use std::collections::{HashMap, VecDeque};
use std::time::Duration;

/// Seconds kept.
const KEPT: u64 = 600;

/// Answers to "how did it go between then and then". Seconds since 1970, both included.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Stats {
    pub requests: u64,
    /// Answered with 5xx, by the app or by the router, or not at all.
    pub failed: u64,
    pub p50_ms: f64,
    pub p99_ms: f64,
    pub max_ms: f64,
}

/// Counts that can be added up over routers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Counts {
    pub requests: u64,
    pub failed: u64,
    pub max_us: u64,
    /// (bucket, count), ascending.
    pub latency: Vec<(u8, u64)>,
}

/// Eight buckets per doubling: the middle of one is within 6 % of what fell into it.
const PER_DOUBLING: u64 = 8;
const LOWEST_US: u64 = 16;

fn bucket(micros: u64) -> u8 {
    let value = micros.max(LOWEST_US);
    let doublings = value.ilog2() - LOWEST_US.ilog2();
    let part = (value >> (doublings + 1)) - PER_DOUBLING;
    (u64::from(doublings) * PER_DOUBLING + part).min(255) as u8
}

/// The middle of a bucket, in microseconds.
fn middle(bucket: u8) -> f64 {
    let (doublings, part) = (u64::from(bucket) / PER_DOUBLING, u64::from(bucket) % PER_DOUBLING);
    let width = (1u64 << (doublings + 1)) as f64;
    (PER_DOUBLING + part) as f64 * width + width / 2.0
}

impl Counts {
    pub fn add(&mut self, other: &Counts) {
        self.requests += other.requests;
        self.failed += other.failed;
        self.max_us = self.max_us.max(other.max_us);
        other.latency.iter().for_each(|(bucket, count)| self.put(*bucket, *count));
    }

    fn put(&mut self, bucket: u8, count: u64) {
        match self.latency.binary_search_by_key(&bucket, |entry| entry.0) {
            Ok(at) => self.latency[at].1 += count,
            Err(at) => self.latency.insert(at, (bucket, count)),
        }
    }

    fn record(&mut self, took: Duration, failed: bool) {
        let micros = took.as_micros().min(u128::from(u64::MAX)) as u64;
        self.requests += 1;
        self.failed += u64::from(failed);
        self.max_us = self.max_us.max(micros);
        self.put(bucket(micros), 1);
    }

    fn quantile_ms(&self, quantile: f64) -> f64 {
        let rank = (self.requests as f64 * quantile).ceil().max(1.0) as u64;
        let mut seen = 0;
        for (bucket, count) in &self.latency {
            seen += count;
            if seen >= rank {
                return middle(*bucket).min(self.max_us as f64) / 1000.0;
            }
        }
        0.0
    }

    pub fn stats(&self) -> Stats {
        Stats {
            requests: self.requests,
            failed: self.failed,
            p50_ms: self.quantile_ms(0.5),
            p99_ms: self.quantile_ms(0.99),
            max_ms: self.max_us as f64 / 1000.0,
        }
    }
}

/// All deploys' recent seconds. Seconds without a request take no room.
#[derive(Debug, Default)]
pub struct Recent(HashMap<String, VecDeque<(u64, Counts)>>);

impl Recent {
    pub fn record(&mut self, deploy: &str, second: u64, took: Duration, failed: bool) {
        if !self.0.contains_key(deploy) {
            self.0.insert(deploy.to_string(), VecDeque::new());
        }
        let Some(seconds) = self.0.get_mut(deploy) else { return };
        // The clock may step back: then the newest second goes on counting.
        if seconds.back().is_none_or(|(last, _)| *last < second) {
            seconds.push_back((second, Counts::default()));
            while seconds.front().is_some_and(|(first, _)| first + KEPT < second) {
                seconds.pop_front();
            }
        }
        if let Some((_, counts)) = seconds.back_mut() {
            counts.record(took, failed);
        }
    }

    pub fn between(&self, deploy: &str, from: u64, to: u64) -> Counts {
        let mut sum = Counts::default();
        let seconds = self.0.get(deploy).into_iter().flatten();
        seconds.filter(|(at, _)| (from..=to).contains(at)).for_each(|(_, counts)| sum.add(counts));
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_bucket_is_within_seven_percent(micros in 16u64..60_000_000) {
            let shown = middle(bucket(micros));
            prop_assert!((shown - micros as f64).abs() / micros as f64 <= 0.07, "{micros} {shown}");
        }

        #[test]
        fn buckets_ascend(a in 0u64..u64::MAX, b in 0u64..u64::MAX) {
            let (low, high) = (a.min(b), a.max(b));
            prop_assert!(bucket(low) <= bucket(high));
        }
    }

    fn ms(count: u64) -> Duration {
        Duration::from_millis(count)
    }

    #[test]
    fn quantiles_come_out_of_the_counts() {
        let mut recent = Recent::default();
        (1..=1000).for_each(|n| recent.record("a/b", 100, ms(n), n > 995));
        let stats = recent.between("a/b", 100, 100).stats();
        assert_eq!((stats.requests, stats.failed, stats.max_ms), (1000, 5, 1000.0));
        assert!((stats.p50_ms - 500.0).abs() < 40.0, "{stats:?}");
        assert!((stats.p99_ms - 990.0).abs() < 70.0, "{stats:?}");
    }

    #[test]
    fn a_span_takes_both_ends_and_nothing_else() {
        let mut recent = Recent::default();
        (10..20).for_each(|second| recent.record("a/b", second, ms(1), false));
        recent.record("c/d", 12, ms(1), true);
        assert_eq!(recent.between("a/b", 12, 14).requests, 3);
        assert_eq!(recent.between("nobody/here", 0, 99), Counts::default());
        assert_eq!(Counts::default().stats(), Stats::default());
    }

    #[test]
    fn old_seconds_are_forgotten_and_a_clock_step_back_is_survived() {
        let mut recent = Recent::default();
        recent.record("a/b", 1000, ms(1), false);
        recent.record("a/b", 1601, ms(1), false);
        recent.record("a/b", 1500, ms(1), false);
        assert_eq!(recent.between("a/b", 0, 9999).requests, 2);
    }
}
