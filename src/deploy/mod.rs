//! The spine: source → build → release → release phase → start → switch → stop → receipt.

mod receipt;

pub use receipt::{BootTime, PhaseTime, Receipt, Traffic};
