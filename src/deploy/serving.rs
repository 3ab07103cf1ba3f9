//! Which release runs, after a server has come back.

use super::Platform;
use crate::app::{Failure, ReleaseNumber};
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
    let host = platform.host();
    for record in host.ledger.deploys()? {
        for pending in release::pending(&host.ledger, &record.deploy)? {
            let why = match has_unknown_phase(platform, &pending)? {
                true => "unknown: nobody saw the end of its release phase",
                false => "interrupted: the server ended",
            };
            let (key, now) = (&host.key, Timestamp::now());
            release::fail(&host.ledger, key, &record.deploy, pending.number, why, now)?;
        }
    }
    Ok(())
}
