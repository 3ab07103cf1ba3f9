//! One-offs and release phases: the row is there before the process is.

use super::Ledger;
use super::columns::{json, number, optional_time, time, to_json};
use super::deploys::expect;
use crate::app::{DeployRef, Failure, ReleaseNumber};
use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, params};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OneOffKind {
    /// `xii run`.
    Run,
    /// The release phase: never two at once in a deploy.
    Release,
    /// app.json's: once in the life of a deploy.
    Postdeploy,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OneOffState {
    Running,
    /// The exit code as a shell would give it: 128 + n after signal n.
    Exited(i32),
    /// The machine or the keeper went away; nobody saw the end.
    Unknown,
}

#[derive(Debug, Clone)]
pub struct NewOneOff<'a> {
    pub deploy: &'a DeployRef,
    pub release: ReleaseNumber,
    pub kind: OneOffKind,
    pub command: &'a [String],
    pub keeper: u64,
    pub at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OneOff {
    pub id: u64,
    pub release: ReleaseNumber,
    pub kind: OneOffKind,
    pub command: Vec<String>,
    pub keeper: u64,
    pub started_at: Timestamp,
    pub finished_at: Option<Timestamp>,
    pub state: OneOffState,
}

const COLUMNS: &str = "id, release, kind, command, keeper, started_at, finished_at, state, exit";

impl Ledger {
    pub fn begin_one_off(&self, new: &NewOneOff) -> Result<u64, Failure> {
        self.write("begin a one-off", |tx| {
            let id = expect(tx, new.deploy)?.id;
            if new.kind == OneOffKind::Release {
                let query = "SELECT release FROM one_offs
                             WHERE deploy_id = ?1 AND kind = 'release' AND state = 'running'";
                let running: Option<i64> =
                    tx.query_row(query, [id.0], |row| row.get(0)).optional()?;
                if let Some(release) = running {
                    return Err(Failure::platform(format!(
                        "the release phase of {} v{release} is still running",
                        new.deploy
                    ))
                    .next("wait for it to end")
                    .into());
                }
            }
            if new.kind == OneOffKind::Postdeploy {
                let query = "SELECT count(*) FROM one_offs
                             WHERE deploy_id = ?1 AND kind = 'postdeploy'";
                if tx.query_row::<i64, _, _>(query, [id.0], |row| row.get(0))? > 0 {
                    return Err(Failure::platform(format!(
                        "the postdeploy script of {} has run before",
                        new.deploy
                    ))
                    .into());
                }
            }
            tx.execute(
                "INSERT INTO one_offs (deploy_id, release, kind, command, keeper, started_at, state)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'running')",
                params![
                    id.0,
                    new.release.0 as i64,
                    kind_name(new.kind),
                    to_json(new.command)?,
                    new.keeper as i64,
                    new.at.as_microsecond(),
                ],
            )?;
            Ok(tx.last_insert_rowid().unsigned_abs())
        })
    }

    /// Records the end. A second end of the same one-off is refused.
    pub fn finish_one_off(
        &self,
        id: u64,
        state: OneOffState,
        at: Timestamp,
    ) -> Result<(), Failure> {
        let (name, exit) = match state {
            OneOffState::Running => {
                return Err(Failure::internal("a one-off cannot finish as running"));
            }
            OneOffState::Exited(code) => ("exited", Some(code)),
            OneOffState::Unknown => ("unknown", None),
        };
        self.write("finish a one-off", |tx| {
            let changed = tx.execute(
                "UPDATE one_offs SET state = ?2, exit = ?3, finished_at = ?4
                 WHERE id = ?1 AND state = 'running'",
                params![id as i64, name, exit, at.as_microsecond()],
            )?;
            if changed == 1 {
                return Ok(());
            }
            Err(Failure::internal(format!("one-off {id} is not running")).into())
        })
    }

    /// All that have no end yet, of all living deploys: what a restarted server looks for.
    pub fn running_one_offs(&self) -> Result<Vec<(DeployRef, OneOff)>, Failure> {
        let mut found = Vec::new();
        for deploy in self.deploys()? {
            let mut one_offs = self.one_offs(&deploy.deploy, u32::MAX)?;
            one_offs.retain(|one_off| one_off.state == OneOffState::Running);
            found.extend(one_offs.into_iter().map(|one_off| (deploy.deploy.clone(), one_off)));
        }
        Ok(found)
    }

    /// The last ones of a deploy, the newest first.
    pub fn one_offs(&self, deploy: &DeployRef, most: u32) -> Result<Vec<OneOff>, Failure> {
        self.read("list the one-offs", |tx| {
            let id = expect(tx, deploy)?.id;
            let query = format!(
                "SELECT {COLUMNS} FROM one_offs WHERE deploy_id = ?1 ORDER BY id DESC LIMIT ?2"
            );
            let mut statement = tx.prepare_cached(&query)?;
            let rows = statement.query_map(params![id.0, most], record)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }
}

fn record(row: &Row) -> rusqlite::Result<OneOff> {
    Ok(OneOff {
        id: number(row, 0)?,
        release: ReleaseNumber(number(row, 1)?),
        kind: match row.get::<_, String>(2)?.as_str() {
            "release" => OneOffKind::Release,
            "postdeploy" => OneOffKind::Postdeploy,
            _ => OneOffKind::Run,
        },
        command: json(row, 3)?,
        keeper: number(row, 4)?,
        started_at: time(row, 5)?,
        finished_at: optional_time(row, 6)?,
        state: match (row.get::<_, String>(7)?.as_str(), row.get(8)?) {
            ("running", _) => OneOffState::Running,
            ("exited", Some(code)) => OneOffState::Exited(code),
            _ => OneOffState::Unknown,
        },
    })
}

fn kind_name(kind: OneOffKind) -> &'static str {
    match kind {
        OneOffKind::Run => "run",
        OneOffKind::Release => "release",
        OneOffKind::Postdeploy => "postdeploy",
    }
}
