//! The two things that can happen to a release after it was cut.

use super::chain::{head_mac, is_intact, status_mac};
use super::record::{Release, Status, status_columns};
use crate::app::{DeployRef, Failure, ReleaseNumber};
use crate::config::Key;
use crate::store::{DeployRecord, Ledger, ReleaseRow};
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
    change(ledger, key, deploy, number, |release, _, record| match release.status {
        Status::Pending => Ok((Status::Active, Some(number), at)),
        Status::Active if record.current == Some(number) => {
            Ok((Status::Active, Some(number), release.status_at))
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
    change(ledger, key, deploy, number, |release, all, record| {
        if matches!(release.status, Status::Failed { .. }) {
            let failure = format!("{deploy} {number} has failed before");
            return Err(Failure::internal(failure));
        }
        let current = match record.current {
            Some(current) if current == number => fallback(all, number),
            other => other,
        };
        Ok((Status::Failed { why: why.to_string() }, current, at))
    })
}

/// What serves again when the current release failed: what served before it.
fn fallback(all: &[Release], failed: ReleaseNumber) -> Option<ReleaseNumber> {
    let served = |release: &&Release| release.number < failed && release.status == Status::Active;
    all.iter().rev().find(served).map(|release| release.number)
}

type Decision = (Status, Option<ReleaseNumber>, Timestamp);

fn change(
    ledger: &Ledger,
    key: &Key,
    deploy: &DeployRef,
    number: ReleaseNumber,
    decide: impl FnOnce(&Release, &[Release], &DeployRecord) -> Result<Decision, Failure>,
) -> Result<Release, Failure> {
    let row = ledger.change_release_status(deploy, number.0, |record, rows| {
        let all: Vec<Release> =
            rows.iter().map(|row| Release::from_row(deploy, row)).collect::<Result<_, _>>()?;
        let at = rows.iter().position(|row| row.number == number.0 as i64);
        let (Some(at), Some(last)) = (at, rows.last()) else {
            return Err(Failure::internal(format!("{deploy} has no release {number}")));
        };
        if !is_intact(key, &rows[at]) {
            return Err(Failure::platform(format!("{deploy} {number} is not as it was cut")));
        }
        let (status, current, at_time) = decide(&all[at], &all, record)?;
        let current = current.map(|number| number.0);
        let row = with_status(key, rows[at].clone(), &status, at_time);
        Ok((row, current, head_mac(key, last, current)))
    })?;
    Release::from_row(deploy, &row)
}

fn with_status(key: &Key, mut row: ReleaseRow, status: &Status, at: Timestamp) -> ReleaseRow {
    (row.status, row.failure) = status_columns(status);
    row.status_at = at.as_microsecond();
    row.status_mac = status_mac(key, &row).to_vec();
    row
}
