//! The two things that can happen to a release after it was cut.

use super::chain::{head_mac, is_intact, status_mac};
use super::cut::altered;
use super::record::{Release, Status, status_columns};
use crate::app::{DeployRef, Failure, ReleaseNumber};
use crate::config::Key;
use crate::store::{Ledger, ReleaseRow, StatusAfter, StatusBefore};
use jiff::Timestamp;

/// The release serves now: it is the current one. Only a pending release can become active,
/// and the current one stay it; what has failed comes back as a rollback, a release of its own.
pub fn activate(
    ledger: &Ledger,
    key: &Key,
    deploy: &DeployRef,
    number: ReleaseNumber,
    at: Timestamp,
) -> Result<Release, Failure> {
    change(ledger, key, deploy, number, |release, before| match release.status {
        Status::Pending => Ok((Status::Active, Some(number.0), at)),
        Status::Active if before.deploy.current == Some(number) => {
            Ok((Status::Active, Some(number.0), release.status_at))
        }
        _ => Err(Failure::internal(format!("{deploy} {number} cannot become the current release"))),
    })
}

/// The release did not work out. If it was the current one, the one that served before it is
/// current again, or none.
pub fn fail(
    ledger: &Ledger,
    key: &Key,
    deploy: &DeployRef,
    number: ReleaseNumber,
    why: &str,
    at: Timestamp,
) -> Result<Release, Failure> {
    change(ledger, key, deploy, number, |release, before| {
        if matches!(release.status, Status::Failed { .. }) {
            return Err(Failure::internal(format!("{deploy} {number} has failed before")));
        }
        let current = match before.deploy.current {
            Some(current) if current == number => before.served_before,
            other => other.map(|number| number.0),
        };
        Ok((Status::Failed { why: why.to_string() }, current, at))
    })
}

/// The new status, the current release and the time.
type Decision = (Status, Option<u64>, Timestamp);

fn change(
    ledger: &Ledger,
    key: &Key,
    deploy: &DeployRef,
    number: ReleaseNumber,
    decide: impl FnOnce(&Release, &StatusBefore) -> Result<Decision, Failure>,
) -> Result<Release, Failure> {
    let row = ledger.change_release_status(deploy, number.0, |before| {
        if !is_intact(key, &before.row) {
            return Err(altered(deploy, number));
        }
        let (status, current, at) = decide(&Release::from_row(deploy, &before.row)?, &before)?;
        let head = head_mac(key, &before.last, current);
        Ok(StatusAfter { row: with_status(key, before.row, &status, at), current, head })
    })?;
    Release::from_row(deploy, &row)
}

fn with_status(key: &Key, mut row: ReleaseRow, status: &Status, at: Timestamp) -> ReleaseRow {
    (row.status, row.failure) = status_columns(status);
    row.status_at = at.as_microsecond();
    row.status_mac = status_mac(key, &row).to_vec();
    row
}
