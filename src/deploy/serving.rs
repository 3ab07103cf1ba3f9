//! Which release runs, after a server has come back.

use super::Platform;
use crate::app::{DeployRef, Failure, ReleaseNumber};
use crate::release::{self, Release};
use crate::run::Handle;
use crate::store::{DeployRecord, OneOffKind, OneOffState};
use jiff::Timestamp;

/// The release whose processes are to run; `None` before the first code.
pub fn serving(
    platform: &Platform,
    record: &DeployRecord,
) -> Result<Option<ReleaseNumber>, Failure> {
    let host = platform.host();
    let Some(number) = host.ledger.serving(&record.deploy)? else { return Ok(None) };
    let serving = release::get(&host.ledger, &host.key, &record.deploy, number)?;
    Ok(serving.filter(|release| release.build.is_some()).map(|release| release.number))
}

/// The change that brings a deploy's instances back; `None` before its first code.
pub fn bring_back(
    platform: &Platform,
    record: &DeployRecord,
) -> Result<Option<(Handle, u64)>, Failure> {
    let Some(serving) = serving(platform, record)? else { return Ok(None) };
    let runnable = platform.host().runnable(&record.deploy, serving)?;
    let change = platform.deploys.want(runnable, false)?;
    Ok(Some((platform.deploys.of(&record.deploy), change)))
}

fn has_unknown_phase(platform: &Platform, release: &Release) -> Result<bool, Failure> {
    let one_offs = platform.host().ledger.one_offs(&release.deploy, u32::MAX)?;
    Ok(one_offs.iter().any(|one_off| {
        one_off.release == release.number
            && one_off.kind == OneOffKind::Release
            && one_off.state == OneOffState::Unknown
    }))
}

/// A release that was on its way when the server ended has not been acknowledged: it failed.
pub fn fail_pending(platform: &Platform) -> Result<(), Failure> {
    for record in platform.host().ledger.deploys()? {
        let pending = release::pending(&platform.host().ledger, &record.deploy)?;
        fail_all(platform, &pending, "interrupted: the server ended")?;
    }
    Ok(())
}

/// So did one whose end could not be written down: nobody else changes the deploy now.
pub fn fail_unrecorded(platform: &Platform, deploy: &DeployRef) -> Result<(), Failure> {
    let pending = release::pending(&platform.host().ledger, deploy)?;
    fail_all(platform, &pending, "its end could not be written down")
}

fn fail_all(platform: &Platform, pending: &[Release], why: &str) -> Result<(), Failure> {
    let host = platform.host();
    for pending in pending {
        let why = match has_unknown_phase(platform, pending)? {
            true => "unknown: nobody saw the end of its release phase",
            false => why,
        };
        let now = Timestamp::now();
        release::fail(&host.ledger, &host.key, &pending.deploy, pending.number, why, now)?;
    }
    Ok(())
}
