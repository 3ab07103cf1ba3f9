//! Single values of a home: the id of its key, its block, the keepers' counter.

use super::Ledger;
use super::ledger::Fault;
use crate::app::Failure;
use rusqlite::{OptionalExtension, Transaction};

/// Numbers reserved by one write; a crash skips what is left of them.
const KEEPERS_AT_ONCE: u64 = 32;

impl Ledger {
    /// A number no keeper of this home ever had or will have; numbers may be skipped.
    pub fn next_keeper(&self) -> Result<u64, Failure> {
        let mut state = self.state();
        if let Some(number) = state.keepers.next() {
            return Ok(number);
        }
        state.keepers = self.write_in(&mut state, "reserve keeper numbers", |tx| {
            let next = get(tx, "next keeper")?.map_or(Ok(1), |text| text.parse::<u64>());
            let next = next.map_err(|error| {
                Failure::platform("the counter of keepers is damaged").because(error)
            })?;
            set(tx, "next keeper", &(next + KEEPERS_AT_ONCE).to_string())?;
            Ok(next..next + KEEPERS_AT_ONCE)
        })?;
        state.keepers.next().ok_or_else(|| Failure::internal("reserved keeper numbers are gone"))
    }

    /// The id of the key that this home's values are sealed with.
    pub fn key_id(&self) -> Result<Option<String>, Failure> {
        self.read("read the key's id", |tx| get(tx, "key id"))
    }

    pub fn set_key_id(&self, id: &str) -> Result<(), Failure> {
        self.write("record the key's id", |tx| set(tx, "key id", id))
    }

    pub(super) fn block_name(&self) -> Result<Option<String>, Failure> {
        self.read("read the block of ports", |tx| get(tx, "block"))
    }

    pub(super) fn set_block_name(&self, name: &str) -> Result<(), Failure> {
        self.write("record the block of ports", |tx| set(tx, "block", name))
    }
}

fn get(tx: &Transaction, name: &str) -> Result<Option<String>, Fault> {
    let query = "SELECT value FROM settings WHERE name = ?1";
    Ok(tx.query_row(query, [name], |row| row.get(0)).optional()?)
}

fn set(tx: &Transaction, name: &str, value: &str) -> Result<(), Fault> {
    tx.execute(
        "INSERT INTO settings (name, value) VALUES (?1, ?2)
         ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        [name, value],
    )?;
    Ok(())
}
