//! Releases: code, config and commands that ran, or will run, together.
//!
//! A release is cut once and never edited. Each one authenticates the one before it, so a
//! release that was altered, slipped in or cut off is found, and one whose own seal is broken
//! is never run. Going back is a new release with the old contents, not a change to history.

mod chain;
mod cut;
mod diff;
mod reconfigure;
mod record;
mod retain;
mod rollback;
mod status;
mod summary;
#[cfg(test)]
mod tests;
mod verify;

pub use cut::{
    NewRelease, current, cut, first_served, get, head, list, look_up, next_number, pending, recent,
};
pub use diff::{ReleaseDiff, Setting, diff};
pub use reconfigure::{Reconfigure, reconfigure};
pub use record::{Attachment, Commit, Reason, Release, Stack, Standing, Status};
pub use retain::{History, KEPT_RELEASES, prunable, to_prune};
pub use rollback::{Rollback, RolledBack, check_rollback, differences, last_good_before, rollback};
pub use status::{activate, fail};
pub use summary::Summary;
pub use verify::{Broken, Verdict, verify};
