//! Deploys: a running copy of an app, with a user id of its own.

use super::apps::{self, unknown_app};
use super::columns::{optional_number, optional_time, text, time};
use super::ledger::Fault;
use super::{Block, Ledger};
use crate::app::{AppName, DeployRef, Failure, ReleaseNumber, did_you_mean};
use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, Transaction, params};

/// Tells a deploy from an earlier one of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeployId(pub(super) i64);

impl DeployId {
    pub fn number(self) -> i64 {
        self.0
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeployRecord {
    pub id: DeployId,
    pub deploy: DeployRef,
    pub uid: u32,
    pub created_at: Timestamp,
    /// The release that serves, or would after `xii start`.
    pub current: Option<ReleaseNumber>,
    pub destroyed_at: Option<Timestamp>,
}

const SELECT: &str = "SELECT d.id, a.name, d.name, d.uid, d.created_at, d.current_release, \
                      d.destroyed_at FROM deploys d JOIN apps a ON a.id = d.app_id";
const ALIVE: &str = "a.destroyed_at IS NULL AND d.destroyed_at IS NULL";

impl Ledger {
    /// Makes a deploy of an existing app and gives it a user id of the block.
    pub fn create_deploy(
        &self,
        deploy: &DeployRef,
        block: &Block,
        at: Timestamp,
    ) -> Result<DeployRecord, Failure> {
        self.write("create a deploy", |tx| insert(tx, deploy, block, at))
    }

    /// The same, and the app where there is none yet: an app without a deploy could neither be
    /// deployed to nor made again.
    pub fn create_with_app(
        &self,
        deploy: &DeployRef,
        block: &Block,
        at: Timestamp,
    ) -> Result<DeployRecord, Failure> {
        self.write("create an app", |tx| {
            if apps::find(tx, &deploy.app)?.is_none() {
                apps::insert(tx, &deploy.app, &[], "", at)?;
            }
            insert(tx, deploy, block, at)
        })
    }

    /// A living deploy.
    pub fn deploy(&self, deploy: &DeployRef) -> Result<Option<DeployRecord>, Failure> {
        self.read("look up a deploy", |tx| find(tx, deploy))
    }

    /// A living deploy, or the failure that says there is none.
    pub fn expect_deploy(&self, deploy: &DeployRef) -> Result<DeployRecord, Failure> {
        self.read("look up a deploy", |tx| expect(tx, deploy))
    }

    /// All living deploys, by app and name.
    pub fn deploys(&self) -> Result<Vec<DeployRecord>, Failure> {
        self.read("list the deploys", |tx| Ok(alive(tx)?))
    }

    /// The living deploys of one app.
    pub fn deploys_of(&self, app: &AppName) -> Result<Vec<DeployRecord>, Failure> {
        let mut deploys = self.deploys()?;
        deploys.retain(|found| found.deploy.app == *app);
        Ok(deploys)
    }

    /// Ends a deploy. Its releases stay in the ledger, its user id is never given out again.
    pub fn destroy_deploy(&self, deploy: &DeployRef, at: Timestamp) -> Result<(), Failure> {
        self.destroy(std::slice::from_ref(deploy), None, at)
    }

    /// Ends all of these and then their app, or none of them.
    pub fn destroy(
        &self,
        deploys: &[DeployRef],
        app: Option<&AppName>,
        at: Timestamp,
    ) -> Result<(), Failure> {
        self.write("destroy a deploy", |tx| {
            deploys.iter().try_for_each(|deploy| end(tx, deploy, at))?;
            app.map_or(Ok(()), |app| apps::end(tx, app, at))
        })
    }

    /// The user id of something that is no deploy, such as `router`; the same one each time.
    pub fn uid_for(&self, owner: &str, block: &Block) -> Result<u32, Failure> {
        self.write("give out a user id", |tx| {
            let query = "SELECT uid FROM uids WHERE owner = ?1";
            match tx.query_row(query, [owner], |row| row.get(0)).optional()? {
                Some(uid) => Ok(uid),
                None => give_uid(tx, block, Some(owner)),
            }
        })
    }
}

fn insert(
    tx: &Transaction,
    deploy: &DeployRef,
    block: &Block,
    at: Timestamp,
) -> Result<DeployRecord, Fault> {
    if find(tx, deploy)?.is_some() {
        return Err(Failure::usage(format!("there is a deploy {deploy} already")).into());
    }
    let app: Option<i64> = tx
        .query_row(
            "SELECT id FROM apps WHERE name = ?1 AND destroyed_at IS NULL",
            [deploy.app.as_str()],
            |row| row.get(0),
        )
        .optional()?;
    let app = app.ok_or_else(|| unknown_app(tx, &deploy.app))?;
    // AUTOINCREMENT: an id is not given twice, so neither is the owner's name.
    let uid = give_uid(tx, block, None)?;
    tx.execute(
        "INSERT INTO deploys (app_id, name, uid, created_at) VALUES (?1, ?2, ?3, ?4)",
        params![app, deploy.deploy.as_str(), uid, at.as_microsecond()],
    )?;
    find(tx, deploy)?.ok_or_else(|| unknown_deploy(tx, deploy))
}

fn end(tx: &Transaction, deploy: &DeployRef, at: Timestamp) -> Result<(), Fault> {
    let id = expect(tx, deploy)?.id;
    tx.execute(
        "UPDATE deploys SET destroyed_at = ?2, current_release = NULL WHERE id = ?1",
        params![id.0, at.as_microsecond()],
    )?;
    for table in ["formation", "stopped", "restarts", "kept"] {
        tx.execute(&format!("DELETE FROM {table} WHERE deploy_id = ?1"), [id.0])?;
    }
    Ok(())
}

fn give_uid(tx: &Transaction, block: &Block, owner: Option<&str>) -> Result<u32, Fault> {
    let highest: Option<u32> = tx.query_row(
        "SELECT max(uid) FROM uids WHERE uid >= ?1 AND uid < ?2",
        [block.uids.start, block.uids.end],
        |row| row.get(0),
    )?;
    let uid = highest.map_or(block.uids.start, |highest| highest + 1);
    if !block.uids.contains(&uid) {
        let given = block.uids.len();
        return Err(Failure::platform(format!("all {given} user ids of this home are used up"))
            .why("a deploy's user id is never given to another, even after `destroy`")
            .next("start a new home: set XII_HOME to another folder")
            .into());
    }
    let owner = owner.map_or_else(|| format!("deploy:{uid}"), |owner| owner.to_string());
    tx.execute("INSERT INTO uids (uid, owner) VALUES (?1, ?2)", params![uid, owner])?;
    Ok(uid)
}

pub(super) fn find(tx: &Transaction, deploy: &DeployRef) -> Result<Option<DeployRecord>, Fault> {
    let query = format!("{SELECT} WHERE a.name = ?1 AND d.name = ?2 AND {ALIVE}");
    let names = [deploy.app.as_str(), deploy.deploy.as_str()];
    Ok(tx.prepare_cached(&query)?.query_row(names, record).optional()?)
}

pub(super) fn expect(tx: &Transaction, deploy: &DeployRef) -> Result<DeployRecord, Fault> {
    find(tx, deploy)?.ok_or_else(|| unknown_deploy(tx, deploy))
}

fn record(row: &Row) -> rusqlite::Result<DeployRecord> {
    Ok(DeployRecord {
        id: DeployId(row.get(0)?),
        deploy: DeployRef { app: text(row, 1)?, deploy: text(row, 2)? },
        uid: row.get(3)?,
        created_at: time(row, 4)?,
        current: optional_number(row, 5)?.map(ReleaseNumber),
        destroyed_at: optional_time(row, 6)?,
    })
}

fn alive(tx: &Transaction) -> rusqlite::Result<Vec<DeployRecord>> {
    let query = format!("{SELECT} WHERE {ALIVE} ORDER BY a.name, d.name");
    tx.prepare_cached(&query)?.query_map([], record)?.collect()
}

/// The refusal, with the name that was probably meant.
fn unknown_deploy(tx: &Transaction, deploy: &DeployRef) -> Fault {
    let known: Vec<String> = match alive(tx) {
        Ok(records) => records.iter().map(|record| record.deploy.to_string()).collect(),
        Err(error) => return error.into(),
    };
    let near = did_you_mean(&deploy.to_string(), known.iter().map(String::as_str));
    let near = near.map_or(String::new(), |near| format!("did you mean {near}? "));
    let DeployRef { app, deploy: name } = deploy;
    Failure::usage(format!("there is no deploy {deploy}"))
        .next(format!("{near}`xii deploys` lists them; `xii create {app} -d {name}` makes it"))
        .into()
}
