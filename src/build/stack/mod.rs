//! Stacks of Debian packages: a root file system below builds and releases that the host's
//! packages cannot change.
//!
//! A stack root is named by the digest of what is in it. It is made from packages that are
//! fetched first and kept, so that making it again needs no archive and gives the same bytes.
//! Nothing is installed on the host, and nothing half-made lies in `stacks`.
//!
//! ```text
//! suite.rs wanted.rs   what can be asked for      sources.rs   where the host has packages from
//! area.rs              apt with folders of ours   fetch.rs     a wish → packages on the disk
//! packages.rs          packages, kept             index.rs     a repository of just those
//! mmdebstrap.rs        packages → a root          tidy.rs      what two makes may not differ in
//! making.rs            find, make, upgrade        again.rs     made again, compared
//! record.rs            what is known of a root    keeping.rs   which roots may go
//!
//! stacks/<digest>/                the root
//! stacks/records/<digest>.json    what it was made of
//! stacks/wishes/<digest>.json     a wish, and the root that fulfils it now
//! stacks/packages/<sha256>.deb    packages, shared by all roots
//! ```

mod again;
mod area;
mod fetch;
mod index;
mod keeping;
mod making;
mod mmdebstrap;
mod packages;
mod record;
mod sources;
mod suite;
mod tidy;
mod wanted;

pub use again::remake;
pub use keeping::{Pruned, prunable, prune};
pub use making::{asked, find, make, upgrade};
pub use record::{Change, Record, Root, Wish, changes, list, named, read, remove, wishes};
pub use sources::Archive;
pub use suite::Suite;
pub use wanted::{PackageName, Wanted};
