//! Config: what differs between deploys, kept out of the code and sealed in the ledger.
//!
//! A value is opened only to be given to a process or to someone who asked to see it. No
//! error, diff or log line here carries one, and no value can be moved to another name,
//! release, deploy or app: it would not open there.

mod argument;
mod declared;
mod key;
mod seal;
mod snapshot;
#[cfg(test)]
mod tests;

pub use argument::parse_pairs;
pub use declared::{Lacking, lacking};
pub use key::{Key, KeyId, Use};
pub use seal::{Place, SealedConfig, SealedValue};
pub use snapshot::{Change, Changed, ConfigDiff, ConfigSnapshot};
