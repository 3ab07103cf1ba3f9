//! Rows of releases. What they mean, and whether they are true, is the release room's business;
//! this file adds them in order and changes nothing of one but its status.

use super::deploys::expect;
use super::ledger::Fault;
use super::{DeployRecord, Ledger};
use crate::app::{DeployRef, Failure};
use rusqlite::{OptionalExtension, Row, Transaction, params};

/// A release as it lies in the ledger, uninterpreted: a row that was altered must still be
/// readable, so that it can be named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReleaseRow {
    pub deploy_id: i64,
    pub number: i64,
    pub build: Option<String>,
    pub stack: String,
    pub commands: String,
    pub manifests: String,
    pub source: String,
    pub attachments: String,
    pub reason: String,
    pub created_at: i64,
    pub created_by: String,
    pub key_id: String,
    /// Sorted by name.
    pub config: Vec<ConfigRow>,
    pub previous: Vec<u8>,
    pub mac: Vec<u8>,
    pub status: String,
    pub failure: Option<String>,
    pub status_at: i64,
    pub status_mac: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConfigRow {
    pub name: String,
    pub sealed: Vec<u8>,
    pub digest: Vec<u8>,
}

const COLUMNS: &str = "id, deploy_id, number, build, stack, commands, manifests, source, \
                       attachments, reason, created_at, created_by, key_id, previous, mac, \
                       status, failure, status_at, status_mac";

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

    /// Changes a release's status, and which release is the current one, in one transaction:
    /// `change` is given the deploy, the row and the last row of the chain.
    pub(crate) fn change_release_status(
        &self,
        deploy: &DeployRef,
        number: u64,
        change: impl FnOnce(
            &DeployRecord,
            Vec<ReleaseRow>,
        ) -> Result<(ReleaseRow, Option<u64>, [u8; 32]), Failure>,
    ) -> Result<ReleaseRow, Failure> {
        self.write("record a release's status", |tx| {
            let record = expect(tx, deploy)?;
            let (row, current, head) = change(&record, all(tx, record.id.0)?)?;
            if row.number.unsigned_abs() != number {
                return Err(Failure::internal("a status for another release").into());
            }
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

fn all(tx: &Transaction, deploy: i64) -> Result<Vec<ReleaseRow>, Fault> {
    let query = format!("SELECT {COLUMNS} FROM releases WHERE deploy_id = ?1 ORDER BY number");
    select(tx, &query, [deploy])
}

fn last(tx: &Transaction, deploy: i64) -> Result<Option<ReleaseRow>, Fault> {
    let query =
        format!("SELECT {COLUMNS} FROM releases WHERE deploy_id = ?1 ORDER BY number DESC LIMIT 1");
    Ok(select(tx, &query, [deploy])?.pop())
}

fn select<P: rusqlite::Params>(
    tx: &Transaction,
    query: &str,
    params: P,
) -> Result<Vec<ReleaseRow>, Fault> {
    let mut statement = tx.prepare_cached(query)?;
    let rows = statement.query_map(params, |row| Ok((row.get::<_, i64>(0)?, record(row)?)))?;
    rows.map(|found| {
        let (id, mut row) = found?;
        row.config = config(tx, id)?;
        Ok(row)
    })
    .collect()
}

fn config(tx: &Transaction, release: i64) -> Result<Vec<ConfigRow>, Fault> {
    let query = "SELECT name, sealed, digest FROM release_config WHERE release_id = ?1
                 ORDER BY name";
    let mut statement = tx.prepare_cached(query)?;
    let rows = statement.query_map([release], |row| {
        Ok(ConfigRow { name: lossy(row, 0)?, sealed: row.get(1)?, digest: row.get(2)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn insert(tx: &Transaction, row: &ReleaseRow) -> Result<(), Fault> {
    tx.execute(
        "INSERT INTO releases (deploy_id, number, build, stack, commands, manifests, source,
             attachments, reason, created_at, created_by, key_id, previous, mac, status, failure,
             status_at, status_mac)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)",
        params![
            row.deploy_id,
            row.number,
            row.build,
            row.stack,
            row.commands,
            row.manifests,
            row.source,
            row.attachments,
            row.reason,
            row.created_at,
            row.created_by,
            row.key_id,
            row.previous,
            row.mac,
            row.status,
            row.failure,
            row.status_at,
            row.status_mac,
        ],
    )?;
    let id = tx.last_insert_rowid();
    for value in &row.config {
        tx.execute(
            "INSERT INTO release_config (release_id, name, sealed, digest) VALUES (?1, ?2, ?3, ?4)",
            params![id, value.name, value.sealed, value.digest],
        )?;
    }
    Ok(())
}

fn set_head(tx: &Transaction, deploy: i64, head: &[u8; 32]) -> Result<(), Fault> {
    tx.execute(
        "INSERT INTO release_heads (deploy_id, mac) VALUES (?1, ?2)
         ON CONFLICT (deploy_id) DO UPDATE SET mac = excluded.mac",
        params![deploy, head],
    )?;
    Ok(())
}

fn record(row: &Row) -> rusqlite::Result<ReleaseRow> {
    Ok(ReleaseRow {
        deploy_id: row.get(1)?,
        number: row.get(2)?,
        build: optional_lossy(row, 3)?,
        stack: lossy(row, 4)?,
        commands: lossy(row, 5)?,
        manifests: lossy(row, 6)?,
        source: lossy(row, 7)?,
        attachments: lossy(row, 8)?,
        reason: lossy(row, 9)?,
        created_at: row.get(10)?,
        created_by: lossy(row, 11)?,
        key_id: lossy(row, 12)?,
        config: Vec::new(),
        previous: row.get(13)?,
        mac: row.get(14)?,
        status: lossy(row, 15)?,
        failure: optional_lossy(row, 16)?,
        status_at: row.get(17)?,
        status_mac: row.get(18)?,
    })
}

/// Text that is not UTF-8 was not written by us; the mac will say so.
fn lossy(row: &Row, column: usize) -> rusqlite::Result<String> {
    Ok(optional_lossy(row, column)?.unwrap_or_default())
}

fn optional_lossy(row: &Row, column: usize) -> rusqlite::Result<Option<String>> {
    let bytes = row.get_ref(column)?.as_bytes_or_null()?;
    Ok(bytes.map(|bytes| String::from_utf8_lossy(bytes).into_owned()))
}
