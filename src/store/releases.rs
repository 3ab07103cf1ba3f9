//! Rows of releases. What they mean, and whether they are true, is the release room's business;
//! this file adds them in order and changes nothing of one but its status.

use super::columns::{number, optional_number, optional_text};
use super::deploys::expect;
use super::ledger::Fault;
use super::release_row::{COLUMNS, ReleaseRow, insert, select};
use super::{DeployRecord, Ledger};
use crate::app::{DeployRef, Digest, Failure, ReleaseNumber};
use rusqlite::{OptionalExtension, Transaction, params};

/// What a change of status is decided on.
pub(crate) struct StatusBefore {
    pub deploy: DeployRecord,
    pub row: ReleaseRow,
    /// The end of the chain.
    pub last: ReleaseRow,
    /// The newest release before this one that was ever active.
    pub served_before: Option<u64>,
}

pub(crate) struct StatusAfter {
    pub row: ReleaseRow,
    pub current: Option<u64>,
    pub head: [u8; 32],
}

impl Ledger {
    /// Adds the next release of a deploy in one transaction: `make` is given the deploy and
    /// the release before, and returns the row and the new head of the chain.
    pub(crate) fn append_release(
        &self,
        deploy: &DeployRef,
        make: impl FnOnce(&DeployRecord, Option<&ReleaseRow>) -> Result<(ReleaseRow, [u8; 32]), Failure>,
    ) -> Result<ReleaseRow, Failure> {
        self.write("add a release", |tx| {
            let record = expect(tx, deploy)?;
            let last = last(tx, record.id.0)?;
            let (row, head) = make(&record, last.as_ref())?;
            insert(tx, &row)?;
            set_head(tx, row.deploy_id, &head)?;
            Ok(row)
        })
    }

    /// Changes a release's status, and which release is the current one, in one transaction.
    pub(crate) fn change_release_status(
        &self,
        deploy: &DeployRef,
        number: u64,
        change: impl FnOnce(StatusBefore) -> Result<StatusAfter, Failure>,
    ) -> Result<ReleaseRow, Failure> {
        self.write("record a release's status", |tx| {
            let before = status_before(tx, expect(tx, deploy)?, number)?;
            let StatusAfter { row, current, head } = change(before)?;
            tx.execute(
                "UPDATE releases SET status = ?3, failure = ?4, status_at = ?5, status_mac = ?6
                 WHERE deploy_id = ?1 AND number = ?2",
                params![
                    row.deploy_id,
                    row.number,
                    row.status,
                    row.failure,
                    row.status_at,
                    row.status_mac
                ],
            )?;
            tx.execute(
                "UPDATE deploys SET current_release = ?2 WHERE id = ?1",
                params![row.deploy_id, current.map(|number| number as i64)],
            )?;
            set_head(tx, row.deploy_id, &head)?;
            Ok(row)
        })
    }

    /// The build of each release of a deploy, the oldest first.
    pub(crate) fn release_builds(
        &self,
        deploy: &DeployRef,
    ) -> Result<Vec<(ReleaseNumber, Option<Digest>)>, Failure> {
        self.read("read the releases' builds", |tx| {
            let id = expect(tx, deploy)?.id.0;
            let query = "SELECT number, build FROM releases WHERE deploy_id = ?1 ORDER BY number";
            let mut statement = tx.prepare_cached(query)?;
            let rows = statement.query_map([id], |row| {
                Ok((ReleaseNumber(number(row, 0)?), optional_text(row, 1)?))
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// All releases of a living deploy, the oldest first.
    pub(crate) fn release_rows(&self, deploy: &DeployRef) -> Result<Vec<ReleaseRow>, Failure> {
        self.read("read the releases", |tx| all(tx, expect(tx, deploy)?.id.0))
    }

    /// The last `most` releases, the oldest first.
    pub(crate) fn last_release_rows(
        &self,
        deploy: &DeployRef,
        most: u32,
    ) -> Result<Vec<ReleaseRow>, Failure> {
        self.read("read the releases", |tx| {
            let id = expect(tx, deploy)?.id.0;
            let query = format!(
                "SELECT {COLUMNS} FROM releases WHERE deploy_id = ?1 ORDER BY number DESC LIMIT ?2"
            );
            let mut rows = select(tx, &query, [id, i64::from(most)])?;
            rows.reverse();
            Ok(rows)
        })
    }

    /// Releases that are on their way, the oldest first: after a crash there may be one.
    pub(crate) fn pending_release_rows(
        &self,
        deploy: &DeployRef,
    ) -> Result<Vec<ReleaseRow>, Failure> {
        self.read("read the releases", |tx| {
            let id = expect(tx, deploy)?.id.0;
            let query = format!(
                "SELECT {COLUMNS} FROM releases
                 WHERE deploy_id = ?1 AND status = 'pending' ORDER BY number"
            );
            select(tx, &query, [id])
        })
    }

    /// The newest release that serves or has served; `before` that number, and, if asked, one
    /// that has code.
    pub(crate) fn last_active_row(
        &self,
        deploy: &DeployRef,
        before: Option<u64>,
        with_build: bool,
    ) -> Result<Option<ReleaseRow>, Failure> {
        self.read("read the releases", |tx| {
            let id = expect(tx, deploy)?.id.0;
            let query = active("DESC", "AND number < ?2 AND (build IS NOT NULL OR NOT ?3)");
            let before = before.map_or(i64::MAX, |number| number as i64);
            Ok(select(tx, &query, params![id, before, with_build])?.pop())
        })
    }

    /// The first release of code that served.
    pub(crate) fn first_served_row(
        &self,
        deploy: &DeployRef,
    ) -> Result<Option<ReleaseRow>, Failure> {
        self.read("read the releases", |tx| {
            let id = expect(tx, deploy)?.id.0;
            Ok(select(tx, &active("ASC", "AND build IS NOT NULL"), [id])?.pop())
        })
    }

    pub(crate) fn release_row(
        &self,
        deploy: &DeployRef,
        number: u64,
    ) -> Result<Option<ReleaseRow>, Failure> {
        self.read("read a release", |tx| {
            let id = expect(tx, deploy)?.id.0;
            let query =
                format!("SELECT {COLUMNS} FROM releases WHERE deploy_id = ?1 AND number = ?2");
            Ok(select(tx, &query, [id, number as i64])?.pop())
        })
    }

    pub(crate) fn release_head(&self, deploy: &DeployRef) -> Result<Option<Vec<u8>>, Failure> {
        self.read("read the end of the releases", |tx| {
            let id = expect(tx, deploy)?.id.0;
            let query = "SELECT mac FROM release_heads WHERE deploy_id = ?1";
            Ok(tx.query_row(query, [id], |row| row.get(0)).optional()?)
        })
    }
}

fn status_before(tx: &Transaction, deploy: DeployRecord, at: u64) -> Result<StatusBefore, Fault> {
    let id = deploy.id.0;
    let query = format!("SELECT {COLUMNS} FROM releases WHERE deploy_id = ?1 AND number = ?2");
    let row = select(tx, &query, [id, at as i64])?.pop();
    let (Some(row), Some(last)) = (row, last(tx, id)?) else {
        let what = format!("{} has no release v{at}", deploy.deploy);
        return Err(Failure::internal(what).into());
    };
    let served_before = tx.query_row(
        "SELECT max(number) FROM releases
         WHERE deploy_id = ?1 AND number < ?2 AND status = 'active'",
        [id, at as i64],
        |row| optional_number(row, 0),
    )?;
    Ok(StatusBefore { deploy, row, last, served_before })
}

/// One release that serves or has served. The index of these alone is read.
fn active(order: &str, more: &str) -> String {
    format!(
        "SELECT {COLUMNS} FROM releases
         WHERE deploy_id = ?1 AND status = 'active' {more} ORDER BY number {order} LIMIT 1"
    )
}

fn all(tx: &Transaction, deploy: i64) -> Result<Vec<ReleaseRow>, Fault> {
    let query = format!("SELECT {COLUMNS} FROM releases WHERE deploy_id = ?1 ORDER BY number");
    select(tx, &query, [deploy])
}

fn last(tx: &Transaction, deploy: i64) -> Result<Option<ReleaseRow>, Fault> {
    let query =
        format!("SELECT {COLUMNS} FROM releases WHERE deploy_id = ?1 ORDER BY number DESC LIMIT 1");
    Ok(select(tx, &query, [deploy])?.pop())
}

fn set_head(tx: &Transaction, deploy: i64, head: &[u8; 32]) -> Result<(), Fault> {
    tx.execute(
        "INSERT INTO release_heads (deploy_id, mac) VALUES (?1, ?2)
         ON CONFLICT (deploy_id) DO UPDATE SET mac = excluded.mac",
        params![deploy, head],
    )?;
    Ok(())
}
