//! Faults and load: processes are killed at random moments, requests never stop coming, and
//! nothing acknowledged may be lost, nothing half-done may stay, nothing may be left behind.
//! A failure prints the seed; `XII_TEST_SEED` repeats its decisions, `XII_TEST_KILLS` asks
//! for more of them.

mod broken_build;
mod each_line;
mod kills;
mod load;
mod observed;
mod random;
mod reboot;
mod release_phase;
mod restarts;
mod timeline;
mod twenty_changes;
mod victims;

pub use random::Random;
