//! The spine: source → build → release → release phase → start → switch → stop → receipt.

mod journal;
mod receipt;

pub use journal::{Event, Journal, Phase, What};
pub use receipt::{BootTime, PhaseTime, Receipt, Traffic};
