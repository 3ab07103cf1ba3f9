//! Which builds may go. Releases never do.

use crate::app::{Digest, Failure, ReleaseNumber};
use crate::store::{BuildRecord, Ledger};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;

/// Per deploy, the builds of this many releases stay on the disk.
pub const KEPT_RELEASES: usize = 20;

/// A build this new may be on its way into a release.
const NEW: SignedDuration = SignedDuration::from_hours(24);

/// The builds of one deploy's releases.
#[derive(Debug, Clone, Default)]
pub struct History {
    pub current: Option<ReleaseNumber>,
    /// The oldest release first.
    pub builds: Vec<(ReleaseNumber, Option<Digest>)>,
}

/// The builds whose files may be removed: not pinned, not running, not of the last
/// [`KEPT_RELEASES`] releases or the current one of any deploy, and not just made.
pub fn prunable(
    builds: &[BuildRecord],
    deploys: &[History],
    running: &BTreeSet<Digest>,
    now: Timestamp,
) -> Vec<Digest> {
    let mut kept = running.clone();
    for History { current, builds } in deploys {
        let last = builds.iter().rev().take(KEPT_RELEASES);
        let current = builds.iter().filter(|(number, _)| Some(*number) == *current);
        kept.extend(last.chain(current).filter_map(|(_, build)| *build));
    }
    let is_new = |build: &BuildRecord| now.duration_since(build.created_at) < NEW;
    builds
        .iter()
        .filter(|build| build.pruned_at.is_none() && !build.pinned && !is_new(build))
        .map(|build| build.digest)
        .filter(|digest| !kept.contains(digest))
        .collect()
}

/// [`prunable`] over what the ledger knows. `running`: what a process runs from, or is about to.
pub fn to_prune(
    ledger: &Ledger,
    running: &BTreeSet<Digest>,
    now: Timestamp,
) -> Result<Vec<Digest>, Failure> {
    let mut deploys = Vec::new();
    for record in ledger.deploys()? {
        let builds = ledger.release_builds(&record.deploy)?;
        deploys.push(History { current: record.current, builds });
    }
    Ok(prunable(&ledger.builds()?, &deploys, running, now))
}
