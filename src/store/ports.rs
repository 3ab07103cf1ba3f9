//! Ports: who has which, and how long the others have rested.

use super::columns::{number, optional_time, time};
use super::ledger::Fault;
use super::{Block, Ledger};
use crate::app::Failure;
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Transaction, params};
use std::collections::BTreeMap;

/// A late packet or a stale route must not reach the next owner of a port.
const REST: SignedDuration = SignedDuration::from_mins(10);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortLease {
    pub port: u16,
    /// False when no port had rested long enough and this was the longest-rested one.
    pub rested: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PortUse {
    pub port: u16,
    pub keeper: u64,
    pub taken_at: Timestamp,
    pub freed_at: Option<Timestamp>,
}

impl Ledger {
    /// Gives a keeper a port: the longest-rested one that is `usable`, which the caller finds
    /// out by trying, since a stranger may listen on it.
    pub fn allocate_port(
        &self,
        block: &Block,
        keeper: u64,
        now: Timestamp,
        usable: impl Fn(u16) -> bool,
    ) -> Result<PortLease, Failure> {
        self.write("give out a port", |tx| {
            let known = known(tx)?;
            let candidates = longest_rested(block, &known);
            let port = candidates.into_iter().find(|port| usable(*port)).ok_or_else(|| {
                let ports = &block.ports;
                let (first, last, count) = (ports.start, ports.end - 1, ports.len());
                Failure::platform(format!("all {count} ports of this home are in use"))
                    .why(format!("instances are given ports {first} to {last}"))
                    .next("scale something down with `xii scale`, or destroy a deploy")
            })?;
            tx.execute(
                "INSERT INTO ports (port, keeper, taken_at) VALUES (?1, ?2, ?3)
                 ON CONFLICT (port) DO UPDATE
                 SET keeper = excluded.keeper, taken_at = excluded.taken_at, freed_at = NULL",
                params![port, keeper as i64, now.as_microsecond()],
            )?;
            let freed = known.get(&port).and_then(|use_| use_.freed_at);
            let rested = freed.is_none_or(|freed| now.duration_since(freed) >= REST);
            Ok(PortLease { port, rested })
        })
    }

    /// Lets go of whatever port the keeper has. Its rest begins now.
    pub fn free_port(&self, keeper: u64, now: Timestamp) -> Result<(), Failure> {
        self.write("free a port", |tx| {
            tx.execute(
                "UPDATE ports SET freed_at = ?2 WHERE keeper = ?1 AND freed_at IS NULL",
                params![keeper as i64, now.as_microsecond()],
            )?;
            Ok(())
        })
    }

    /// The ports in use.
    pub fn ports(&self) -> Result<Vec<PortUse>, Failure> {
        self.read("list the ports", |tx| {
            Ok(known(tx)?.into_values().filter(|port| port.freed_at.is_none()).collect())
        })
    }
}

/// Free ports, the longest-rested first; one that was never used has rested for ever.
fn longest_rested(block: &Block, known: &BTreeMap<u16, PortUse>) -> Vec<u16> {
    let free = |port: &u16| known.get(port).is_none_or(|used| used.freed_at.is_some());
    let mut candidates: Vec<u16> = block.ports.clone().filter(free).collect();
    candidates.sort_by_key(|port| known.get(port).and_then(|used| used.freed_at));
    candidates
}

fn known(tx: &Transaction) -> Result<BTreeMap<u16, PortUse>, Fault> {
    let mut statement = tx.prepare_cached("SELECT port, keeper, taken_at, freed_at FROM ports")?;
    let rows = statement.query_map([], |row| {
        let port: u16 = row.get(0)?;
        let keeper = number(row, 1)?;
        let use_ =
            PortUse { port, keeper, taken_at: time(row, 2)?, freed_at: optional_time(row, 3)? };
        Ok((port, use_))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
