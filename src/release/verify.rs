//! Walking the chain: is every release as it was cut, and are they all there?

use super::chain::{equal, genesis, head_mac, release_mac, status_mac};
use crate::app::{DeployRef, Failure, ReleaseNumber};
use crate::config::{Key, Place, SealedConfig};
use crate::release::Release;
use crate::store::{DeployRecord, Ledger, ReleaseRow};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Releases looked at.
    pub releases: usize,
    pub broken: Vec<Broken>,
}

/// What is wrong, and with which release; `None` is the end of the chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Broken {
    pub release: Option<ReleaseNumber>,
    pub what: String,
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.release {
            Some(number) => write!(f, "{number}: {}", self.what),
            None => write!(f, "the end of the chain: {}", self.what),
        }
    }
}

impl Verdict {
    pub fn is_intact(&self) -> bool {
        self.broken.is_empty()
    }
}

/// Checks all releases of a deploy and opens all their config. An error means that the ledger
/// could not be read; what does not hold is in the verdict.
pub fn verify(ledger: &Ledger, key: &Key, deploy: &DeployRef) -> Result<Verdict, Failure> {
    let record = ledger.expect_deploy(deploy)?;
    let rows = ledger.release_rows(deploy)?;
    let head = ledger.release_head(deploy)?;
    let mut broken = Vec::new();
    let mut previous = genesis(key, deploy, record.id.number()).to_vec();
    for (index, row) in rows.iter().enumerate() {
        let release = Some(ReleaseNumber(row.number.unsigned_abs()));
        let found = faults(key, deploy, row, index as i64 + 1, &previous);
        broken.extend(found.into_iter().map(|what| Broken { release, what }));
        previous.clone_from(&row.mac);
    }
    let end = end_fault(key, &record, rows.last(), head.as_deref());
    broken.extend(end.map(|what| Broken { release: None, what }));
    Ok(Verdict { releases: rows.len(), broken })
}

fn faults(
    key: &Key,
    deploy: &DeployRef,
    row: &ReleaseRow,
    expected: i64,
    previous: &[u8],
) -> Vec<String> {
    let mut faults = Vec::new();
    if row.number != expected {
        faults.push(format!("it stands where v{expected} belongs: a release is missing or added"));
    }
    if row.key_id != key.id().as_str() {
        faults.push(format!("it was sealed with key {}, not {}", row.key_id, key.id()));
    }
    if row.previous != previous {
        faults.push("it does not follow the release before it".to_string());
    }
    if !equal(&release_mac(key, row), &row.mac) {
        faults.push("it is not as it was cut: its row was altered".to_string());
    }
    if !equal(&status_mac(key, row), &row.status_mac) {
        faults.push("its status was altered".to_string());
    }
    match Release::from_row(deploy, row) {
        Ok(release) => faults.extend(config_fault(key, &release)),
        Err(failure) => faults.push(failure.to_string()),
    }
    faults
}

/// The row's seal covers sealed values as bytes; this also proves that they open, and that
/// diffs by digest tell the truth.
fn config_fault(key: &Key, release: &Release) -> Option<String> {
    let place = Place { deploy: release.deploy.clone(), release: release.number };
    let opened = match release.config.open(key, &place) {
        Ok(opened) => opened,
        Err(failure) => return Some(failure.to_string()),
    };
    match SealedConfig::seal(key, &place, &opened) {
        Ok(again) if again.digests() == release.config.digests() => None,
        Ok(_) => Some("a config value does not have its digest".to_string()),
        Err(failure) => Some(failure.to_string()),
    }
}

fn end_fault(
    key: &Key,
    record: &DeployRecord,
    last: Option<&ReleaseRow>,
    head: Option<&[u8]>,
) -> Option<String> {
    let current = record.current.map(|number| number.0);
    match (last, head) {
        (None, None) if current.is_none() => None,
        (Some(last), Some(head)) if equal(&head_mac(key, last, current), head) => None,
        _ => Some(
            "the newest releases are missing, or the current release was changed past xii"
                .to_string(),
        ),
    }
}
