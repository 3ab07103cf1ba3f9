//! The schema, step by step. A step that was released is never edited; a new one is added.

use super::ledger::Fault;
use crate::app::Failure;
use rusqlite::{Connection, Transaction, TransactionBehavior};

const STEPS: [&str; 4] = [
    include_str!("schema_1.sql"),
    include_str!("schema_2.sql"),
    include_str!("schema_3.sql"),
    include_str!("schema_4.sql"),
];
const WRITTEN_BY: &str = env!("CARGO_PKG_VERSION");

/// Brings the database to the newest schema, in one transaction.
pub(super) fn run(connection: &mut Connection) -> Result<(), Fault> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found: u32 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let known = STEPS.len() as u32;
    if found > known {
        return Err(newer(&transaction, found, known).into());
    }
    if found == known {
        return Ok(());
    }
    for step in &STEPS[found as usize..] {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", known)?;
    transaction.execute(
        "INSERT INTO settings (name, value) VALUES ('written by', ?1)
         ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        [WRITTEN_BY],
    )?;
    transaction.commit()?;
    Ok(())
}

fn newer(transaction: &Transaction, found: u32, known: u32) -> Failure {
    let query = "SELECT value FROM settings WHERE name = 'written by'";
    // A future schema may keep its version elsewhere; the refusal stands either way.
    let writer: Result<String, _> = transaction.query_row(query, [], |row| row.get(0));
    let writer = writer.map_or("a newer xii".to_string(), |version| format!("xii {version}"));
    Failure::platform(format!(
        "the ledger has schema {found}, written by {writer}; this is xii {WRITTEN_BY}, which \
         knows schemas up to {known}"
    ))
    .next(format!("install {writer}"))
}
