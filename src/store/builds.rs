//! Builds: which digest came out of which build key, and which are still on the disk.

use super::Ledger;
use super::columns::{number, optional_time, text, time};
use crate::app::{AppName, Digest, Failure};
use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, params};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildRecord {
    pub digest: Digest,
    pub app: AppName,
    /// As the build room prints it.
    pub plan: String,
    pub stack: String,
    pub commit: String,
    pub size: u64,
    pub created_at: Timestamp,
    /// Set while its files are not on the disk.
    pub pruned_at: Option<Timestamp>,
    pub pinned: bool,
}

const COLUMNS: &str = "b.digest, b.app, b.plan, b.stack, b.commit_id, b.size, b.created_at, \
                       b.pruned_at, b.pinned";

impl Ledger {
    /// Records a build whose files are on the disk, under its key. Several keys may lead to
    /// one digest; a build that had been pruned is there again.
    pub fn record_build(&self, key: &Digest, build: &BuildRecord) -> Result<(), Failure> {
        self.write("record a build", |tx| {
            tx.execute(
                "INSERT INTO builds (digest, app, plan, stack, commit_id, size, created_at)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
                 ON CONFLICT (digest) DO UPDATE
                 SET pruned_at = NULL, created_at = excluded.created_at",
                params![
                    build.digest.to_string(),
                    build.app.as_str(),
                    build.plan,
                    build.stack,
                    build.commit,
                    build.size as i64,
                    build.created_at.as_microsecond(),
                ],
            )?;
            tx.execute(
                "INSERT INTO build_keys (key, digest) VALUES (?1, ?2)
                 ON CONFLICT (key) DO UPDATE SET digest = excluded.digest",
                [key.to_string(), build.digest.to_string()],
            )?;
            Ok(())
        })
    }

    /// What this key was built to, if its files are still there.
    pub fn build_by_key(&self, key: &Digest) -> Result<Option<BuildRecord>, Failure> {
        self.read("look up a build", |tx| {
            let query = format!(
                "SELECT {COLUMNS} FROM builds b JOIN build_keys k ON k.digest = b.digest
                 WHERE k.key = ?1 AND b.pruned_at IS NULL"
            );
            Ok(tx.prepare_cached(&query)?.query_row([key.to_string()], record).optional()?)
        })
    }

    pub fn build(&self, digest: &Digest) -> Result<Option<BuildRecord>, Failure> {
        self.read("look up a build", |tx| {
            let query = format!("SELECT {COLUMNS} FROM builds b WHERE b.digest = ?1");
            Ok(tx.prepare_cached(&query)?.query_row([digest.to_string()], record).optional()?)
        })
    }

    /// All builds, the newest first.
    pub fn builds(&self) -> Result<Vec<BuildRecord>, Failure> {
        self.read("list the builds", |tx| {
            let query =
                format!("SELECT {COLUMNS} FROM builds b ORDER BY b.created_at DESC, b.rowid DESC");
            let mut statement = tx.prepare_cached(&query)?;
            let builds = statement.query_map([], record)?.collect::<Result<_, _>>()?;
            Ok(builds)
        })
    }

    /// To be called before the files are removed: a row must never promise files that are gone.
    pub fn mark_pruned(&self, digest: &Digest, at: Timestamp) -> Result<(), Failure> {
        self.write("record a pruned build", |tx| {
            tx.execute(
                "UPDATE builds SET pruned_at = ?2 WHERE digest = ?1",
                params![digest.to_string(), at.as_microsecond()],
            )?;
            Ok(())
        })
    }

    /// A pinned build is never pruned.
    pub fn pin_build(&self, digest: &Digest, pinned: bool) -> Result<(), Failure> {
        self.write("pin a build", |tx| {
            tx.execute(
                "UPDATE builds SET pinned = ?2 WHERE digest = ?1",
                params![digest.to_string(), pinned],
            )?;
            Ok(())
        })
    }
}

fn record(row: &Row) -> rusqlite::Result<BuildRecord> {
    Ok(BuildRecord {
        digest: text(row, 0)?,
        app: text(row, 1)?,
        plan: row.get(2)?,
        stack: row.get(3)?,
        commit: row.get(4)?,
        size: number(row, 5)?,
        created_at: time(row, 6)?,
        pruned_at: optional_time(row, 7)?,
        pinned: row.get(8)?,
    })
}
