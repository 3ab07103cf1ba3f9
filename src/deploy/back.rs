//! Rolling back: the contents of an old release, byte for byte, as a new one.

use super::measure::Measure;
use super::spine::{Phase, finish, stack_now};
use super::{Journal, Platform, Receipt};
use crate::app::{DeployRef, Failure, ReleaseNumber};
use crate::release::{self, Release, Rollback};
use jiff::Timestamp;

/// The release that a rollback goes to: the one named, or the last good one before this.
pub fn target(
    platform: &Platform,
    deploy: &DeployRef,
    to: Option<ReleaseNumber>,
) -> Result<Release, Failure> {
    let host = platform.host();
    let current = release::current(&host.ledger, &host.key, deploy)?;
    let to = match (to, &current) {
        (Some(to), _) => Some(to),
        (None, Some(current)) => release::last_good_before(&host.ledger, deploy, current.number)?,
        (None, None) => None,
    };
    let to = to.ok_or_else(|| {
        Failure::usage(format!("there is no earlier good release of {deploy} to roll back to"))
            .next("`xii releases` lists them")
    })?;
    let newest = release::recent(&host.ledger, deploy, 1)?.last().map(|release| release.number);
    let found = release::get(&host.ledger, &host.key, deploy, to)?;
    let target = release::check_rollback(deploy, to, found, current.as_ref(), newest)?;
    check_build(platform, &target, || format!("cannot roll {deploy} back to {to}"))?;
    Ok(target)
}

/// Old builds leave the disk; their releases stay as history.
pub(super) fn check_build(
    platform: &Platform,
    target: &Release,
    refused: impl FnOnce() -> String,
) -> Result<(), Failure> {
    let Some(digest) = target.build else { return Ok(()) };
    let build = platform.host().ledger.build(&digest)?;
    if build.is_some_and(|build| build.pruned_at.is_none()) {
        return Ok(());
    }
    let commit = target.commit.as_ref().map_or("COMMIT", |commit| commit.id.as_str());
    Err(Failure::usage(format!("{}: its build was pruned", refused()))
        .next(format!("build its commit again: `xii deploy {commit}`, in a checkout")))
}

pub async fn roll_back(
    platform: &Platform,
    journal: &Journal,
    target: Release,
    by: String,
    release_phase: bool,
) -> Result<Receipt, Failure> {
    let host = platform.host();
    let measure = Measure::begin(platform, &target.deploy).await;
    let phase = journal.phase("release");
    let wish = Rollback {
        deploy: target.deploy.clone(),
        to: target.number,
        stack: stack_now(platform, &target.stack),
        by,
        at: Timestamp::now(),
    };
    let rolled = release::rollback(&host.ledger, &host.key, &wish)?;
    phase
        .done(format!("{}: code, commands and config of {}", rolled.release.number, target.number));
    let mut notes = vec![match rolled.below.is_empty() {
        true => format!("identical to {}; {} unchanged", target.number, target.stack.name),
        false => format!("identical to {}; host {}", target.number, rolled.below.join(", ")),
    }];
    notes.extend(phases_since(platform, &target)?);
    let run = if release_phase { Phase::Run } else { Phase::Skip };
    finish(platform, journal, &rolled.release, run).await?;
    Ok(measure.receipt(platform, journal, "rolled back", notes).await)
}

/// Code goes back; what release phases did to a database since does not.
fn phases_since(platform: &Platform, target: &Release) -> Result<Option<String>, Failure> {
    let one_offs = platform.host().ledger.one_offs(&target.deploy, 1000)?;
    let mut since: Vec<_> = one_offs
        .iter()
        .filter(|one_off| one_off.kind == crate::store::OneOffKind::Release)
        .filter(|one_off| one_off.release > target.number)
        .map(|one_off| one_off.release.to_string())
        .collect();
    since.reverse();
    Ok((!since.is_empty())
        .then(|| format!("release phases run since, not undone: {}", since.join(", "))))
}
