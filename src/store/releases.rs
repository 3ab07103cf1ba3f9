//! Rows of releases. What they mean, and whether they are true, is the release room's business;
//! this file adds them in order and never changes one but for its status.

use super::columns::{number, optional_text, text, time};
use super::deploys::{DeployId, expect};
use super::ledger::Fault;
use super::{DeployRecord, Ledger};
use crate::app::{DeployRef, Digest, Failure, ReleaseNumber};
use jiff::Timestamp;
use rusqlite::types::Type;
use rusqlite::{OptionalExtension, Row, Transaction, params};
use std::collections::BTreeSet;

/// How a release fares. That one is superseded follows from the current one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReleaseStatus {
    Pending,
    Active,
    Failed { why: String },
}

/// A release as it lies in the ledger; JSON columns stay text, since they are authenticated
/// as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseRow {
    pub deploy_id: DeployId,
    pub number: ReleaseNumber,
    pub build: Option<Digest>,
    pub stack: String,
    pub manifests: String,
    pub source: String,
    pub attachments: String,
    pub reason: String,
    pub created_at: Timestamp,
    pub created_by: String,
    pub key_id: String,
    /// Sorted by name.
    pub config: Vec<ConfigRow>,
    pub previous: [u8; 32],
    pub mac: [u8; 32],
    pub status: ReleaseStatus,
    pub status_at: Timestamp,
    pub status_mac: [u8; 32],
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigRow {
    pub name: String,
    pub sealed: Vec<u8>,
    pub digest: [u8; 32],
}

/// A row for the end of the chain: (number, mac of the head).
pub(crate) type Head = (ReleaseNumber, [u8; 32]);

const COLUMNS: &str = "id, deploy_id, number, build, stack, manifests, source, attachments, \
                       reason, created_at, created_by, key_id, previous, mac, status, failure, \
                       status_at, status_mac";

impl Ledger {
    /// Adds the next release of a deploy in one transaction: `make` is given the deploy and
    /// the release before, and returns the row with the head that closes the chain after it.
    pub(crate) fn append_release(
        &self,
        deploy: &DeployRef,
        make: impl FnOnce(&DeployRecord, Option<&ReleaseRow>) -> Result<(ReleaseRow, [u8; 32]), Failure>,
    ) -> Result<ReleaseRow, Failure> {
        self.write("add a release", |tx| {
            let record = expect(tx, deploy)?;
            let query = format!(
                "SELECT {COLUMNS} FROM releases WHERE deploy_id = ?1 ORDER BY number DESC LIMIT 1"
            );
            let previous = select(tx, &query, [record.id.0])?.pop();
            let (row, head) = make(&record, previous.as_ref())?;
            insert(tx, &row)?;
            set_head(tx, &row, &head)?;
            Ok(row)
        })
    }

    /// All releases of a living deploy, the oldest first.
    pub(crate) fn release_rows(&self, deploy: &DeployRef) -> Result<Vec<ReleaseRow>, Failure> {
        self.read("read the releases", |tx| {
            let id = expect(tx, deploy)?.id;
            let query =
                format!("SELECT {COLUMNS} FROM releases WHERE deploy_id = ?1 ORDER BY number");
            select(tx, &query, [id.0])
        })
    }

    pub(crate) fn release_row(
        &self,
        deploy: &DeployRef,
        number: ReleaseNumber,
    ) -> Result<Option<ReleaseRow>, Failure> {
        self.read("read a release", |tx| {
            let id = expect(tx, deploy)?.id;
            let query =
                format!("SELECT {COLUMNS} FROM releases WHERE deploy_id = ?1 AND number = ?2");
            Ok(select(tx, &query, [id.0, number.0 as i64])?.pop())
        })
    }

    pub(crate) fn release_head(&self, deploy: &DeployRef) -> Result<Option<Head>, Failure> {
        self.read("read the end of the releases", |tx| {
            let id = expect(tx, deploy)?.id;
            let query = "SELECT number, mac FROM release_heads WHERE deploy_id = ?1";
            let head = tx
                .query_row(query, [id.0], |row| Ok((ReleaseNumber(number(row, 0)?), mac(row, 1)?)));
            Ok(head.optional()?)
        })
    }

    /// Writes a status and, in the same transaction, which release is the current one.
    pub(crate) fn set_release_status(
        &self,
        row: &ReleaseRow,
        current: Option<ReleaseNumber>,
    ) -> Result<(), Failure> {
        self.write("record a release's status", |tx| {
            let (status, failure) = status_columns(&row.status);
            tx.execute(
                "UPDATE releases SET status = ?3, failure = ?4, status_at = ?5, status_mac = ?6
                 WHERE deploy_id = ?1 AND number = ?2",
                params![
                    row.deploy_id.0,
                    row.number.0 as i64,
                    status,
                    failure,
                    row.status_at.as_microsecond(),
                    row.status_mac,
                ],
            )?;
            tx.execute(
                "UPDATE deploys SET current_release = ?2 WHERE id = ?1",
                params![row.deploy_id.0, current.map(|number| number.0 as i64)],
            )?;
            Ok(())
        })
    }

    /// Builds that a release of any living deploy names.
    pub fn released_builds(&self) -> Result<BTreeSet<Digest>, Failure> {
        self.read("list the released builds", |tx| {
            let mut statement = tx.prepare_cached(
                "SELECT DISTINCT r.build FROM releases r JOIN deploys d ON d.id = r.deploy_id
                 WHERE r.build IS NOT NULL AND d.destroyed_at IS NULL",
            )?;
            let rows = statement.query_map([], |row| text(row, 0))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }
}

fn select<P: rusqlite::Params>(
    tx: &Transaction,
    query: &str,
    params: P,
) -> Result<Vec<ReleaseRow>, Fault> {
    let mut statement = tx.prepare_cached(query)?;
    let rows = statement.query_map(params, |row| Ok((row.get::<_, i64>(0)?, record(row)?)))?;
    let mut releases = Vec::new();
    for found in rows {
        let (id, mut row) = found?;
        row.config = config(tx, id)?;
        releases.push(row);
    }
    Ok(releases)
}

fn config(tx: &Transaction, release: i64) -> Result<Vec<ConfigRow>, Fault> {
    let query = "SELECT name, sealed, digest FROM release_config WHERE release_id = ?1
                 ORDER BY name";
    let mut statement = tx.prepare_cached(query)?;
    let rows = statement.query_map([release], |row| {
        Ok(ConfigRow { name: row.get(0)?, sealed: row.get(1)?, digest: mac(row, 2)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn insert(tx: &Transaction, row: &ReleaseRow) -> Result<(), Fault> {
    let (status, failure) = status_columns(&row.status);
    tx.execute(
        "INSERT INTO releases (deploy_id, number, build, stack, manifests, source, attachments,
             reason, created_at, created_by, key_id, previous, mac, status, failure, status_at,
             status_mac)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
        params![
            row.deploy_id.0,
            row.number.0 as i64,
            row.build.map(|digest| digest.to_string()),
            row.stack,
            row.manifests,
            row.source,
            row.attachments,
            row.reason,
            row.created_at.as_microsecond(),
            row.created_by,
            row.key_id,
            row.previous,
            row.mac,
            status,
            failure,
            row.status_at.as_microsecond(),
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

fn set_head(tx: &Transaction, row: &ReleaseRow, head: &[u8; 32]) -> Result<(), Fault> {
    tx.execute(
        "INSERT INTO release_heads (deploy_id, number, mac) VALUES (?1, ?2, ?3)
         ON CONFLICT (deploy_id) DO UPDATE SET number = excluded.number, mac = excluded.mac",
        params![row.deploy_id.0, row.number.0 as i64, head],
    )?;
    Ok(())
}

fn record(row: &Row) -> rusqlite::Result<ReleaseRow> {
    let status: String = row.get(14)?;
    let failure: Option<String> = row.get(15)?;
    Ok(ReleaseRow {
        deploy_id: DeployId(row.get(1)?),
        number: ReleaseNumber(number(row, 2)?),
        build: optional_text(row, 3)?,
        stack: row.get(4)?,
        manifests: row.get(5)?,
        source: row.get(6)?,
        attachments: row.get(7)?,
        reason: row.get(8)?,
        created_at: time(row, 9)?,
        created_by: row.get(10)?,
        key_id: row.get(11)?,
        config: Vec::new(),
        previous: mac(row, 12)?,
        mac: mac(row, 13)?,
        status: match status.as_str() {
            "pending" => ReleaseStatus::Pending,
            "active" => ReleaseStatus::Active,
            _ => ReleaseStatus::Failed { why: failure.unwrap_or_default() },
        },
        status_at: time(row, 16)?,
        status_mac: mac(row, 17)?,
    })
}

fn mac(row: &Row, column: usize) -> rusqlite::Result<[u8; 32]> {
    let bytes: Vec<u8> = row.get(column)?;
    bytes.try_into().map_err(|bytes: Vec<u8>| {
        let problem = format!("{} bytes where 32 belong", bytes.len());
        rusqlite::Error::FromSqlConversionFailure(column, Type::Blob, problem.into())
    })
}

fn status_columns(status: &ReleaseStatus) -> (&'static str, Option<&str>) {
    match status {
        ReleaseStatus::Pending => ("pending", None),
        ReleaseStatus::Active => ("active", None),
        ReleaseStatus::Failed { why } => ("failed", Some(why)),
    }
}
