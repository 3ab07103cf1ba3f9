//! What keeps running although a newer release is the current one: `config set --no-restart`.
//! A row counts only while its release is the current one, so that the next release to serve
//! ends it without a second write.

use super::Ledger;
use super::columns::optional_number;
use super::deploys::expect;
use crate::app::{DeployRef, Failure, ReleaseNumber};
use rusqlite::{OptionalExtension, params};

impl Ledger {
    /// Once `release` is the current one, `running` is what goes on running.
    pub fn keep_running(
        &self,
        deploy: &DeployRef,
        release: ReleaseNumber,
        running: ReleaseNumber,
    ) -> Result<(), Failure> {
        self.write("record what keeps running", |tx| {
            let id = expect(tx, deploy)?.id;
            tx.execute(
                "INSERT INTO kept (deploy_id, release, running) VALUES (?1, ?2, ?3)
                 ON CONFLICT (deploy_id, release) DO UPDATE SET running = excluded.running",
                params![id.number(), release.0 as i64, running.0 as i64],
            )?;
            Ok(())
        })
    }

    /// The release whose processes are meant to run: the current one, unless an older one
    /// was kept.
    pub fn serving(&self, deploy: &DeployRef) -> Result<Option<ReleaseNumber>, Failure> {
        self.read("look up what serves", |tx| {
            let found = expect(tx, deploy)?;
            let Some(current) = found.current else { return Ok(None) };
            let query = "SELECT running FROM kept WHERE deploy_id = ?1 AND release = ?2";
            let key = params![found.id.number(), current.0 as i64];
            let kept = tx.query_row(query, key, |row| optional_number(row, 0)).optional()?;
            Ok(Some(kept.flatten().map_or(current, ReleaseNumber)))
        })
    }

    /// From now on the current release is what runs.
    pub fn keep_nothing(&self, deploy: &DeployRef) -> Result<(), Failure> {
        self.write("forget what keeps running", |tx| {
            let id = expect(tx, deploy)?.id;
            tx.execute("DELETE FROM kept WHERE deploy_id = ?1", [id.number()])?;
            Ok(())
        })
    }
}
