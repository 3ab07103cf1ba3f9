//! Desired state → running instances. Decisions are in [`plan`], a pure function; the one
//! task per deploy that carries them out is the runner. Nothing in here builds code or
//! cuts releases: it is handed numbers of releases that exist.

mod plan;

pub use plan::{Action, Desired, Observed, Seen, Slot, State, Wanted, plan};
