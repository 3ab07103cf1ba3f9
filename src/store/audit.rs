//! The audit log: who did what, and when. Only ever longer.

use super::Ledger;
use super::columns::{optional_text, time};
use crate::app::{DeployRef, Failure};
use jiff::Timestamp;
use rusqlite::params;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    pub at: Timestamp,
    pub who: String,
    /// Words and names, never a value of config.
    pub what: String,
    pub deploy: Option<DeployRef>,
}

impl Ledger {
    pub fn audit(&self, entry: &AuditEntry) -> Result<(), Failure> {
        self.write("write the audit log", |tx| {
            tx.execute(
                "INSERT INTO audit (at, who, what, deploy) VALUES (?1, ?2, ?3, ?4)",
                params![
                    entry.at.as_microsecond(),
                    entry.who,
                    entry.what,
                    entry.deploy.as_ref().map(ToString::to_string)
                ],
            )?;
            Ok(())
        })
    }

    /// The last entries, the newest first; of one deploy, or of all.
    pub fn audit_log(
        &self,
        deploy: Option<&DeployRef>,
        most: u32,
    ) -> Result<Vec<AuditEntry>, Failure> {
        self.read("read the audit log", |tx| {
            let mut statement = tx.prepare_cached(
                "SELECT at, who, what, deploy FROM audit WHERE ?1 IS NULL OR deploy = ?1
                 ORDER BY id DESC LIMIT ?2",
            )?;
            let rows =
                statement.query_map(params![deploy.map(ToString::to_string), most], |row| {
                    Ok(AuditEntry {
                        at: time(row, 0)?,
                        who: row.get(1)?,
                        what: row.get(2)?,
                        deploy: optional_text(row, 3)?,
                    })
                })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }
}
