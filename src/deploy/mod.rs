//! The spine: source → build → release → release phase → start → switch → stop → receipt.
//!
//! Start with [`spine`]. Everything a user can change goes through this room; nothing here
//! parses a request or prints a word: it is handed plain data and writes into a [`Journal`].

mod back;
mod building;
mod code;
mod config;
mod declared;
mod destroy;
mod explaining;
mod export;
mod formation;
mod journal;
mod measure;
mod phase;
mod planning;
mod platform;
mod postdeploy;
mod preview;
mod promote;
mod prune;
mod receipt;
mod roll_out;
mod serving;
mod spine;
mod stacks;
mod verify;

pub use back::{roll_back, target};
pub use config::{ConfigChange, change_config, consider};
pub use declared::require_config;
pub use destroy::{Doomed, clear, destroy};
pub use explaining::explain_build;
pub use export::{Image, export};
pub use formation::{
    Order, carry_out, check_scope, current_release, formation, running_release, scaled,
};
pub use journal::{Event, Journal, Phase, What};
pub use planning::{Planned, plan_build};
pub use platform::Platform;
pub use preview::{preview, preview_deploy, preview_promote, preview_release};
pub use promote::{has_the_same, promotable, promote};
pub use receipt::{BootTime, PhaseTime, Receipt, Traffic};
pub use serving::{bring_back, fail_pending, fail_unrecorded, serving};
pub use spine::{Deploy, deploy};
pub use stacks::{
    Behind, Users, behind, prune_stacks, rebase, stack_list, stack_named, stack_users,
    upgrade_stacks, verify_stack,
};
pub use verify::{damaged_builds, verify_build};
