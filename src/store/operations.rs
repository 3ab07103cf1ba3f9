//! Operations: each change someone asked for, and how it ended.

use super::Ledger;
use super::columns::{number, optional_json, optional_text, optional_time, time, to_json};
use crate::app::{DeployRef, Failure};
use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OperationState {
    Running,
    Done,
    Failed,
    Cancelled,
    /// The server ended before the operation did.
    Interrupted,
}

#[derive(Debug, Clone)]
pub struct NewOperation<'a> {
    pub deploy: Option<&'a DeployRef>,
    /// `deploy`, `scale`, `config set`, …
    pub kind: &'a str,
    pub by: &'a str,
    pub at: Timestamp,
}

/// How an operation ended. The JSON is the caller's; the ledger only keeps it.
#[derive(Debug, Clone)]
pub struct Finished {
    pub state: OperationState,
    pub failure: Option<Failure>,
    pub receipt: Option<serde_json::Value>,
    pub events: Option<serde_json::Value>,
    pub at: Timestamp,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Operation {
    pub id: u64,
    /// A destroyed deploy's operations are still there.
    pub deploy: Option<DeployRef>,
    pub kind: String,
    pub started_by: String,
    pub started_at: Timestamp,
    pub finished_at: Option<Timestamp>,
    pub state: OperationState,
    pub failure: Option<Failure>,
    pub receipt: Option<serde_json::Value>,
}

const COLUMNS: &str =
    "id, deploy, kind, started_by, started_at, finished_at, state, failure, receipt";

impl Ledger {
    pub fn begin_operation(&self, new: &NewOperation) -> Result<u64, Failure> {
        self.write("begin an operation", |tx| {
            tx.execute(
                "INSERT INTO operations (deploy, kind, started_by, started_at, state)
                 VALUES (?1, ?2, ?3, ?4, 'running')",
                params![
                    new.deploy.map(ToString::to_string),
                    new.kind,
                    new.by,
                    new.at.as_microsecond()
                ],
            )?;
            Ok(tx.last_insert_rowid().unsigned_abs())
        })
    }

    pub fn finish_operation(&self, id: u64, end: &Finished) -> Result<(), Failure> {
        self.write("finish an operation", |tx| {
            let changed = tx.execute(
                "UPDATE operations
                 SET state = ?2, failure = ?3, receipt = ?4, events = ?5, finished_at = ?6
                 WHERE id = ?1 AND state = 'running'",
                params![
                    id as i64,
                    state_name(end.state),
                    end.failure.as_ref().map(to_json).transpose()?,
                    end.receipt.as_ref().map(to_json).transpose()?,
                    end.events.as_ref().map(to_json).transpose()?,
                    end.at.as_microsecond(),
                ],
            )?;
            if changed == 1 {
                return Ok(());
            }
            Err(Failure::internal(format!("operation {id} is not running")).into())
        })
    }

    /// Marks what a previous server left running, and returns it. For the start of a server.
    pub fn interrupt_operations(&self, at: Timestamp) -> Result<Vec<Operation>, Failure> {
        self.write("mark interrupted operations", |tx| {
            let query = format!("SELECT {COLUMNS} FROM operations WHERE state = 'running'");
            let left = tx.prepare(&query)?.query_map([], record)?.collect::<Result<_, _>>()?;
            tx.execute(
                "UPDATE operations SET state = 'interrupted', finished_at = ?1
                 WHERE state = 'running'",
                [at.as_microsecond()],
            )?;
            Ok(left)
        })
    }

    pub fn operation(&self, id: u64) -> Result<Option<Operation>, Failure> {
        self.read("look up an operation", |tx| {
            let query = format!("SELECT {COLUMNS} FROM operations WHERE id = ?1");
            Ok(tx.prepare_cached(&query)?.query_row([id as i64], record).optional()?)
        })
    }

    /// The events of a finished operation, as they were handed in.
    pub fn operation_events(&self, id: u64) -> Result<Option<serde_json::Value>, Failure> {
        self.read("read an operation's events", |tx| {
            let query = "SELECT events FROM operations WHERE id = ?1";
            let found = tx.query_row(query, [id as i64], |row| optional_json(row, 0)).optional()?;
            Ok(found.flatten())
        })
    }

    /// The last operations, the newest first; of one deploy, or of all.
    pub fn operations(
        &self,
        deploy: Option<&DeployRef>,
        most: u32,
    ) -> Result<Vec<Operation>, Failure> {
        self.read("list the operations", |tx| {
            let query = format!(
                "SELECT {COLUMNS} FROM operations WHERE ?1 IS NULL OR deploy = ?1
                 ORDER BY id DESC LIMIT ?2"
            );
            let mut statement = tx.prepare_cached(&query)?;
            let rows =
                statement.query_map(params![deploy.map(ToString::to_string), most], record)?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }
}

fn record(row: &Row) -> rusqlite::Result<Operation> {
    Ok(Operation {
        id: number(row, 0)?,
        deploy: optional_text(row, 1)?,
        kind: row.get(2)?,
        started_by: row.get(3)?,
        started_at: time(row, 4)?,
        finished_at: optional_time(row, 5)?,
        state: match row.get::<_, String>(6)?.as_str() {
            "running" => OperationState::Running,
            "done" => OperationState::Done,
            "failed" => OperationState::Failed,
            "cancelled" => OperationState::Cancelled,
            _ => OperationState::Interrupted,
        },
        failure: optional_json(row, 7)?,
        receipt: optional_json(row, 8)?,
    })
}

fn state_name(state: OperationState) -> &'static str {
    match state {
        OperationState::Running => "running",
        OperationState::Done => "done",
        OperationState::Failed => "failed",
        OperationState::Cancelled => "cancelled",
        OperationState::Interrupted => "interrupted",
    }
}
