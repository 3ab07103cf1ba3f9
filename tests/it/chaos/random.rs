//! Chance that can be repeated.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub struct Random(u64);

impl Random {
    /// From `XII_TEST_SEED`, or from the clock. Says which.
    pub fn seeded(test: &str) -> Random {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64;
        let given = std::env::var("XII_TEST_SEED").ok();
        let seed = given.map_or(now, |text| text.parse().expect("XII_TEST_SEED is a number"));
        eprintln!("{test}: XII_TEST_SEED={seed}");
        // Xorshift stays at zero for ever.
        Random(seed | 1)
    }

    /// One that goes its own way from here.
    pub fn another(&mut self) -> Random {
        Random(self.next() | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11
    }

    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    pub fn up_to_ms(&mut self, most: u64) -> Duration {
        Duration::from_millis(self.below(most))
    }

    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len() as u64) as usize]
    }
}
