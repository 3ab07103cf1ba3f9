//! A release as a row, in and out.

use super::ledger::Fault;
use rusqlite::{Row, Transaction, params};

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

pub(super) const COLUMNS: &str = "id, deploy_id, number, build, stack, commands, manifests, source, \
                       attachments, reason, created_at, created_by, key_id, previous, mac, \
                       status, failure, status_at, status_mac";

pub(super) fn select<P: rusqlite::Params>(
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

pub(super) fn insert(tx: &Transaction, row: &ReleaseRow) -> Result<(), Fault> {
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
