//! Factor I: one codebase, tracked in revision control, many deploys.
//!
//! The caller's side reads a commit from git's own objects and sends it as a stream with its
//! facts; the server's side unpacks that stream. The server never opens a checkout, nothing
//! here runs a hook or a filter of one, and what git does not hold never slips in unsaid.

mod archive;
mod checkout;
mod commit;
mod content;
mod facts;
mod files;
mod git;
mod identity;
mod lfs;
mod links;
mod names;
mod place;
mod revision;
mod same;
mod sample;
mod submodule;
mod tree;
mod unpack;
mod worktree;

pub use checkout::{Checkout, Options};
pub use facts::Facts;
pub use identity::{Identity, identify};
pub use same::{Bound, Same, same};
pub use sample::commit_all;
pub use tree::tree_digest;
pub use unpack::{Limits, SOURCE_LIMITS, Unpacked, unpack};

#[cfg(test)]
mod tests;
