//! Cutting a release, and finding it again.

use super::chain::{genesis, head_mac, is_intact, release_mac, status_mac};
use super::record::{Attachment, Commit, Reason, Release, Stack, Status, status_columns};
use crate::app::{DeployRef, Digest, Failure, ManifestTexts, ProcessType, ReleaseNumber};
use crate::config::{ConfigSnapshot, Key, Place, SealedConfig};
use crate::store::{ConfigRow, DeployRecord, Ledger, ReleaseRow};
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;

/// Everything a release is made of.
#[derive(Debug, Clone)]
pub struct NewRelease {
    pub deploy: DeployRef,
    pub build: Option<Digest>,
    pub stack: Stack,
    pub config: ConfigSnapshot,
    pub commands: BTreeMap<ProcessType, String>,
    pub manifests: ManifestTexts,
    pub commit: Option<Commit>,
    pub attachments: Vec<Attachment>,
    pub reason: Reason,
    pub by: String,
    pub at: Timestamp,
}

/// Cuts the next release of the deploy, in one transaction. It is pending: nothing runs it yet.
pub fn cut(ledger: &Ledger, key: &Key, new: &NewRelease) -> Result<Release, Failure> {
    let row = ledger.append_release(&new.deploy, |deploy, last| {
        let row = row(key, new, deploy, last)?;
        let head = head_mac(key, &row, deploy.current.map(|number| number.0));
        Ok((row, head))
    })?;
    Release::from_row(&new.deploy, &row)
}

fn row(
    key: &Key,
    new: &NewRelease,
    deploy: &DeployRecord,
    last: Option<&ReleaseRow>,
) -> Result<ReleaseRow, Failure> {
    let number = last.map_or(1, |last| last.number + 1);
    let place = Place { deploy: new.deploy.clone(), release: ReleaseNumber(number.unsigned_abs()) };
    let (status, failure) = status_columns(&Status::Pending);
    let mut row = ReleaseRow {
        deploy_id: deploy.id.number(),
        number,
        build: new.build.map(|digest| digest.to_string()),
        stack: json(&new.stack)?,
        commands: json(&new.commands)?,
        manifests: json(&new.manifests)?,
        source: json(&new.commit)?,
        attachments: json(&new.attachments)?,
        reason: json(&new.reason)?,
        created_at: new.at.as_microsecond(),
        created_by: new.by.clone(),
        key_id: key.id().to_string(),
        config: config_rows(SealedConfig::seal(key, &place, &new.config)?),
        previous: match last {
            Some(last) => last.mac.clone(),
            None => genesis(key, &new.deploy, deploy.id.number()).to_vec(),
        },
        mac: Vec::new(),
        status,
        failure,
        status_at: new.at.as_microsecond(),
        status_mac: Vec::new(),
    };
    row.mac = release_mac(key, &row).to_vec();
    row.status_mac = status_mac(key, &row).to_vec();
    Ok(row)
}

fn config_rows(config: SealedConfig) -> Vec<ConfigRow> {
    let row = |(name, value): (crate::app::ConfigKey, crate::config::SealedValue)| ConfigRow {
        name: name.to_string(),
        sealed: value.sealed,
        digest: value.digest.as_bytes().to_vec(),
    };
    config.0.into_iter().map(row).collect()
}

fn json<T: Serialize>(value: &T) -> Result<String, Failure> {
    serde_json::to_string(value)
        .map_err(|error| Failure::internal("cannot write down a release").because(error))
}

/// All releases of a deploy, the oldest first; for reading, their seals are not checked.
pub fn list(ledger: &Ledger, deploy: &DeployRef) -> Result<Vec<Release>, Failure> {
    let rows = ledger.release_rows(deploy)?;
    rows.iter().map(|row| Release::from_row(deploy, row)).collect()
}

/// The last `most` releases of a deploy, the oldest first.
pub fn recent(ledger: &Ledger, deploy: &DeployRef, most: u32) -> Result<Vec<Release>, Failure> {
    let rows = ledger.last_release_rows(deploy, most)?;
    rows.iter().map(|row| Release::from_row(deploy, row)).collect()
}

/// One release, refused if it is not as it was cut.
pub fn get(
    ledger: &Ledger,
    key: &Key,
    deploy: &DeployRef,
    number: ReleaseNumber,
) -> Result<Option<Release>, Failure> {
    let Some(row) = ledger.release_row(deploy, number.0)? else { return Ok(None) };
    if !is_intact(key, &row) {
        return Err(altered(deploy, number));
    }
    Release::from_row(deploy, &row).map(Some)
}

pub(super) fn altered(deploy: &DeployRef, number: ReleaseNumber) -> Failure {
    Failure::platform(format!("{deploy} {number} is not as it was cut"))
        .why("its row in the ledger was altered, so it is not run")
        .next(format!("xii releases verify -a {} -d {}", deploy.app, deploy.deploy))
}

/// The newest release that did not fail: the one whose config the next one starts from.
pub fn head(ledger: &Ledger, key: &Key, deploy: &DeployRef) -> Result<Option<Release>, Failure> {
    match ledger.last_active_row(deploy, None, false)? {
        Some(row) if !is_intact(key, &row) => {
            Err(altered(deploy, ReleaseNumber(row.number.unsigned_abs())))
        }
        Some(row) => Release::from_row(deploy, &row).map(Some),
        None => Ok(None),
    }
}

/// The releases on their way, the oldest first; seals are not checked.
pub fn pending(ledger: &Ledger, deploy: &DeployRef) -> Result<Vec<Release>, Failure> {
    let rows = ledger.pending_release_rows(deploy)?;
    rows.iter().map(|row| Release::from_row(deploy, row)).collect()
}

/// The first release of code that served; its seal is not checked.
pub fn first_served(ledger: &Ledger, deploy: &DeployRef) -> Result<Option<Release>, Failure> {
    ledger.first_served_row(deploy)?.map(|row| Release::from_row(deploy, &row)).transpose()
}

/// One release, for reading: its seal is not checked.
pub fn look_up(
    ledger: &Ledger,
    deploy: &DeployRef,
    number: ReleaseNumber,
) -> Result<Option<Release>, Failure> {
    let row = ledger.release_row(deploy, number.0)?;
    row.map(|row| Release::from_row(deploy, &row)).transpose()
}

/// The number that the next release of a deploy will get.
pub fn next_number(ledger: &Ledger, deploy: &DeployRef) -> Result<ReleaseNumber, Failure> {
    let last = recent(ledger, deploy, 1)?;
    Ok(ReleaseNumber(last.last().map_or(1, |release| release.number.0 + 1)))
}

/// The release that serves, refused if it is not as it was cut. None before the first one.
pub fn current(ledger: &Ledger, key: &Key, deploy: &DeployRef) -> Result<Option<Release>, Failure> {
    match ledger.expect_deploy(deploy)?.current {
        Some(number) => get(ledger, key, deploy, number),
        None => Ok(None),
    }
}
