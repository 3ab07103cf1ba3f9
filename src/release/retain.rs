//! Which builds may go. Releases never do.

use super::cut::list;
use super::record::Release;
use crate::app::{Digest, Failure};
use crate::store::{BuildRecord, Ledger};
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeSet;

/// Per deploy, the builds of this many releases stay on the disk.
pub const KEPT_RELEASES: usize = 20;

/// A build that no release has taken yet may be on its way into one.
const UNRELEASED: SignedDuration = SignedDuration::from_hours(24);

/// The builds whose files may be removed: not pinned, not running, not of the last
/// [`KEPT_RELEASES`] releases or the current one of any deploy, and not brand-new.
/// `deploys` holds each deploy's current release and all its releases, the oldest first.
pub fn prunable(
    builds: &[BuildRecord],
    deploys: &[(Option<crate::app::ReleaseNumber>, Vec<Release>)],
    running: &BTreeSet<Digest>,
    now: Timestamp,
) -> Vec<Digest> {
    let mut kept = running.clone();
    let mut released = BTreeSet::new();
    for (current, releases) in deploys {
        released.extend(releases.iter().filter_map(|release| release.build));
        let last = releases.iter().rev().take(KEPT_RELEASES);
        let current = releases.iter().filter(|release| Some(release.number) == *current);
        kept.extend(last.chain(current).filter_map(|release| release.build));
    }
    let is_young = |build: &BuildRecord| {
        !released.contains(&build.digest) && now.duration_since(build.created_at) < UNRELEASED
    };
    builds
        .iter()
        .filter(|build| build.pruned_at.is_none() && !build.pinned && !is_young(build))
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
        deploys.push((record.current, list(ledger, &record.deploy)?));
    }
    Ok(prunable(&ledger.builds()?, &deploys, running, now))
}
