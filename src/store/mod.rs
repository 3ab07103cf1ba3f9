//! What has to survive a crash: the home on disk and the ledger in it.
//!
//! An acknowledged write is on the disk: bytes first, then the row that names them. Nothing
//! here reads the clock, starts a process or knows what a release means; the rooms above
//! decide, this one remembers. Releases and the audit log can be added to, never edited:
//! triggers in the database hold that, not good manners.

mod apps;
mod audit;
mod block;
mod builds;
mod columns;
mod deploys;
mod files;
mod formation;
mod home;
mod kept;
mod ledger;
mod marks;
mod migrations;
mod one_offs;
mod operations;
mod ports;
mod release_row;
mod releases;
mod set_aside;
mod settings;
#[cfg(test)]
pub(crate) mod tests;

pub use apps::AppRecord;
pub use audit::AuditEntry;
pub use block::Block;
pub use builds::BuildRecord;
pub use deploys::{DeployId, DeployRecord};
pub use formation::Scope;
pub use home::{Home, HomeId, HomeLock};
pub use ledger::Ledger;
pub use one_offs::{NewOneOff, OneOff, OneOffKind, OneOffState};
pub use operations::{Finished, NewOperation, Operation, OperationState};
pub use ports::{PortLease, PortUse};
pub(crate) use release_row::{ConfigRow, ReleaseRow};
pub(crate) use releases::{StatusAfter, StatusBefore};
