//! After a deploy: the builds that no release needs soon leave the disk. Releases never do.

use super::{Journal, Platform};
use crate::app::{DeployRef, Digest, Failure, ReleaseNumber};
use crate::{build, release};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// The change that asked for it is done: what goes wrong here is only a warning.
pub(super) async fn prune(platform: &Platform, journal: &Journal) {
    if let Err(failure) = remove_old_builds(platform).await {
        journal.warn(format!("old builds are still there: {failure}"));
    }
}

async fn remove_old_builds(platform: &Platform) -> Result<(), Failure> {
    let host = platform.host().clone();
    let now = Timestamp::now();
    let old = release::to_prune(&host.ledger, &running(platform)?, now)?;
    if old.is_empty() {
        return Ok(());
    }
    let removing = tokio::task::spawn_blocking(move || {
        // The row first: it must never promise files that are gone.
        old.iter().try_for_each(|digest| {
            host.ledger.mark_pruned(digest, now)?;
            build::remove(&host.home, digest)
        })
    });
    removing.await.map_err(|error| Failure::internal("removing broke off").because(error))?
}

/// The builds that a process runs from, however old their release is.
fn running(platform: &Platform) -> Result<BTreeSet<Digest>, Failure> {
    let host = platform.host();
    let build = |(deploy, number): &(DeployRef, ReleaseNumber)| {
        let release = release::get(&host.ledger, &host.key, deploy, *number);
        release.map(|release| release?.build).transpose()
    };
    running_releases(platform)?.iter().filter_map(build).collect()
}

/// The releases that processes are of, or are about to be.
pub(super) fn running_releases(
    platform: &Platform,
) -> Result<BTreeSet<(DeployRef, ReleaseNumber)>, Failure> {
    let mut releases: BTreeSet<(DeployRef, ReleaseNumber)> = BTreeSet::new();
    for handle in platform.deploys.all() {
        let view = handle.view();
        let numbers = view.instances.iter().map(|instance| instance.release);
        releases.extend(numbers.chain(view.desired.release).map(|n| (handle.deploy.clone(), n)));
    }
    let one_offs = platform.host().ledger.running_one_offs()?;
    releases.extend(one_offs.into_iter().map(|(deploy, one_off)| (deploy, one_off.release)));
    Ok(releases)
}
