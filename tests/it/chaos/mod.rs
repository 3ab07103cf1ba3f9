//! Faults: processes are killed at random moments, requests never stop coming, and
//! nothing acknowledged may be lost, nothing half-done may stay, nothing may be left behind.
//! A failure prints the seed; `XII_TEST_SEED` repeats its decisions, `XII_TEST_KILLS` asks
//! for more of them.

mod broken_build;
mod each_line;
mod kills;
mod observed;
mod random;
mod reboot;
mod release_phase;
mod restarts;
mod victims;

pub use observed::{State, code_of, recorded, until_ports_agree, until_reached};
pub use random::Random;
pub use restarts::{end_server, replace_router};
pub use victims::{Victim, children, pids};
