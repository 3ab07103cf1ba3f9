//! What is authenticated, and how the links hang together. Every column is covered as it lies
//! in the ledger, not as it parses, so nothing can be altered that still parses the same.

use crate::app::DeployRef;
use crate::config::{Key, Use};
use crate::store::ReleaseRow;

/// What stands in for the release before the first one. It names the deploy, by its id too: a
/// later deploy of the same name has another chain.
pub(super) fn genesis(key: &Key, deploy: &DeployRef, id: i64) -> [u8; 32] {
    let id = id.to_be_bytes();
    let (app, name) = (deploy.app.as_str().as_bytes(), deploy.deploy.as_str().as_bytes());
    key.mac(Use::ReleaseChain, &[b"genesis", app, name, &id])
}

/// The seal of a release. Status is not in it: it changes.
pub(super) fn release_mac(key: &Key, row: &ReleaseRow) -> [u8; 32] {
    let (id, number, at) =
        (row.deploy_id.to_be_bytes(), row.number.to_be_bytes(), row.created_at.to_be_bytes());
    let count = (row.config.len() as u64).to_be_bytes();
    let (has_build, build) = optional(&row.build);
    let mut fields: Vec<&[u8]> = vec![
        b"release",
        &id,
        &number,
        has_build,
        build,
        row.stack.as_bytes(),
        row.commands.as_bytes(),
        row.manifests.as_bytes(),
        row.source.as_bytes(),
        row.attachments.as_bytes(),
        row.reason.as_bytes(),
        &at,
        row.created_by.as_bytes(),
        row.key_id.as_bytes(),
        &row.previous,
        &count,
    ];
    for value in &row.config {
        fields.extend([value.name.as_bytes(), &value.sealed, &value.digest]);
    }
    key.mac(Use::ReleaseChain, &fields)
}

pub(super) fn status_mac(key: &Key, row: &ReleaseRow) -> [u8; 32] {
    let at = row.status_at.to_be_bytes();
    let (has_failure, failure) = optional(&row.failure);
    key.mac(Use::ReleaseStatus, &[&row.mac, row.status.as_bytes(), has_failure, failure, &at])
}

/// The end of a chain: its last release, and which one is current.
pub(super) fn head_mac(key: &Key, last: &ReleaseRow, current: Option<u64>) -> [u8; 32] {
    let (id, number) = (last.deploy_id.to_be_bytes(), last.number.to_be_bytes());
    let current = current.unwrap_or(0).to_be_bytes();
    key.mac(Use::ReleaseHead, &[&id, &number, &last.mac, &current])
}

/// Whether the row is as it was cut and its status as it was written.
pub(super) fn is_intact(key: &Key, row: &ReleaseRow) -> bool {
    equal(&release_mac(key, row), &row.mac) && equal(&status_mac(key, row), &row.status_mac)
}

/// In constant time.
pub(super) fn equal(expected: &[u8; 32], found: &[u8]) -> bool {
    let differ = expected.iter().zip(found).fold(0, |differ, (a, b)| differ | (a ^ b));
    found.len() == expected.len() && differ == 0
}

fn optional(value: &Option<String>) -> (&'static [u8], &[u8]) {
    match value {
        Some(value) => (&[1], value.as_bytes()),
        None => (&[0], &[]),
    }
}
