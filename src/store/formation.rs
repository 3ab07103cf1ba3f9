//! What is wanted of a deploy besides its release: how many, what is stopped, what to restart.

use super::Ledger;
use super::columns::{number, text};
use super::deploys::expect;
use crate::app::{DeployRef, Failure, ProcessType};
use rusqlite::params;
use std::collections::{BTreeMap, BTreeSet};

/// What `stop`, `start` and `restart` are aimed at.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope {
    Deploy,
    Type(ProcessType),
    Instance(ProcessType, u32),
}

impl Scope {
    pub fn contains(&self, process_type: &ProcessType, index: u32) -> bool {
        match self {
            Scope::Deploy => true,
            Scope::Type(of) => of == process_type,
            Scope::Instance(of, at) => of == process_type && *at == index,
        }
    }

    /// Everything the other one contains, this one does too.
    fn covers(&self, other: &Scope) -> bool {
        match other {
            Scope::Deploy => *self == Scope::Deploy,
            Scope::Type(of) => match self {
                Scope::Type(own) => own == of,
                Scope::Deploy => true,
                Scope::Instance(..) => false,
            },
            Scope::Instance(of, index) => self.contains(of, *index),
        }
    }
}

impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Scope::Deploy => Ok(()),
            Scope::Type(process_type) => write!(f, "{process_type}"),
            Scope::Instance(process_type, index) => write!(f, "{process_type}.{index}"),
        }
    }
}

impl std::str::FromStr for Scope {
    type Err = String;

    /// `web` or `web.1`; nothing is the whole deploy.
    fn from_str(text: &str) -> Result<Self, String> {
        let bad = |why: &dyn std::fmt::Display| format!("expected web or web.1: {why}");
        if text.is_empty() {
            return Ok(Scope::Deploy);
        }
        match text.split_once('.') {
            None => Ok(Scope::Type(text.parse().map_err(|error| bad(&error))?)),
            Some((process_type, index)) => {
                let process_type = process_type.parse().map_err(|error| bad(&error))?;
                let plain = index.bytes().all(|byte| byte.is_ascii_digit());
                match index.parse() {
                    Ok(index) if index > 0 && plain => Ok(Scope::Instance(process_type, index)),
                    _ => Err(bad(&format!("{index:?} is not an instance's number"))),
                }
            }
        }
    }
}

impl Ledger {
    /// How many of each type; types never scaled are absent.
    pub fn formation(&self, deploy: &DeployRef) -> Result<BTreeMap<ProcessType, u32>, Failure> {
        self.read("read the formation", |tx| {
            let id = expect(tx, deploy)?.id;
            let query = "SELECT process_type, count FROM formation WHERE deploy_id = ?1";
            let mut statement = tx.prepare_cached(query)?;
            let rows = statement.query_map([id.0], |row| Ok((text(row, 0)?, row.get(1)?)))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// Sets the counts given; other types stay as they are.
    pub fn scale(
        &self,
        deploy: &DeployRef,
        counts: &BTreeMap<ProcessType, u32>,
    ) -> Result<(), Failure> {
        self.write("record the formation", |tx| {
            let id = expect(tx, deploy)?.id;
            for (process_type, count) in counts {
                tx.execute(
                    "INSERT INTO formation (deploy_id, process_type, count) VALUES (?1, ?2, ?3)
                     ON CONFLICT (deploy_id, process_type) DO UPDATE SET count = excluded.count",
                    params![id.0, process_type.as_str(), count],
                )?;
            }
            Ok(())
        })
    }

    /// What `xii stop` has stopped and no `xii start` has started again.
    pub fn stopped(&self, deploy: &DeployRef) -> Result<BTreeSet<Scope>, Failure> {
        self.read("read what is stopped", |tx| {
            let id = expect(tx, deploy)?.id;
            let mut statement =
                tx.prepare_cached("SELECT scope FROM stopped WHERE deploy_id = ?1")?;
            let rows = statement.query_map([id.0], |row| text(row, 0))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }

    /// Remembers a stop until the start that undoes it.
    pub fn stop(&self, deploy: &DeployRef, scope: &Scope) -> Result<(), Failure> {
        self.write("record a stop", |tx| {
            let id = expect(tx, deploy)?.id;
            tx.execute(
                "INSERT INTO stopped (deploy_id, scope) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
                params![id.0, scope.to_string()],
            )?;
            Ok(())
        })
    }

    /// Forgets the stops within the scope. Refused while a wider stop holds: `start web.1`
    /// cannot mean anything when all of `web` is stopped.
    pub fn start(&self, deploy: &DeployRef, scope: &Scope) -> Result<(), Failure> {
        let stopped = self.stopped(deploy)?;
        if let Some(wider) = stopped.iter().find(|held| held.covers(scope) && *held != scope) {
            let what = match wider {
                Scope::Deploy => format!("all of {deploy}"),
                narrower => format!("{narrower} of {deploy}"),
            };
            return Err(Failure::usage(format!("{scope} cannot start alone: {what} is stopped"))
                .next(format!("xii start {wider}").trim_end().to_string()));
        }
        self.write("record a start", |tx| {
            let id = expect(tx, deploy)?.id;
            for held in stopped.iter().filter(|held| scope.covers(held)) {
                tx.execute(
                    "DELETE FROM stopped WHERE deploy_id = ?1 AND scope = ?2",
                    params![id.0, held.to_string()],
                )?;
            }
            Ok(())
        })
    }

    /// Asks for a restart: every instance of the scope with a keeper older than now is to be
    /// replaced. Returns the first keeper number that is young enough.
    pub fn restart(&self, deploy: &DeployRef, scope: &Scope) -> Result<u64, Failure> {
        let keeper = self.next_keeper()?;
        self.write("record a restart", |tx| {
            let id = expect(tx, deploy)?.id;
            tx.execute(
                "INSERT INTO restarts (deploy_id, scope, keeper) VALUES (?1, ?2, ?3)
                 ON CONFLICT (deploy_id, scope) DO UPDATE SET keeper = excluded.keeper",
                params![id.0, scope.to_string(), keeper as i64],
            )?;
            Ok(())
        })?;
        Ok(keeper)
    }

    /// Restarts are over, well or not: nothing is to be replaced any more.
    pub fn forget_restarts(&self, deploy: &DeployRef) -> Result<(), Failure> {
        self.write("forget the restarts", |tx| {
            let id = expect(tx, deploy)?.id;
            tx.execute("DELETE FROM restarts WHERE deploy_id = ?1", [id.0])?;
            Ok(())
        })
    }

    /// Per scope, the lowest keeper number that needs no replacement.
    pub fn restarts(&self, deploy: &DeployRef) -> Result<BTreeMap<Scope, u64>, Failure> {
        self.read("read the restarts", |tx| {
            let id = expect(tx, deploy)?.id;
            let mut statement =
                tx.prepare_cached("SELECT scope, keeper FROM restarts WHERE deploy_id = ?1")?;
            let rows = statement.query_map([id.0], |row| Ok((text(row, 0)?, number(row, 1)?)))?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
    }
}
