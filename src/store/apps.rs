//! Apps: a name bound to one codebase.

use super::Ledger;
use super::columns::{json, optional_time, text, time, to_json};
use super::ledger::Fault;
use crate::app::{AppName, Failure, did_you_mean};
use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, Transaction, params};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppRecord {
    pub name: AppName,
    /// Root commits, sorted. Empty: not known yet.
    pub roots: Vec<String>,
    /// Empty is the top of the repository.
    pub subdir: String,
    pub created_at: Timestamp,
    pub destroyed_at: Option<Timestamp>,
}

const COLUMNS: &str = "name, roots, subdir, created_at, destroyed_at";

impl Ledger {
    /// Makes an app; `roots` may be empty until the first deploy binds them.
    pub fn create_app(
        &self,
        name: &AppName,
        roots: &[String],
        subdir: &str,
        at: Timestamp,
    ) -> Result<AppRecord, Failure> {
        self.write("create an app", |tx| {
            if find(tx, name)?.is_some() {
                return Err(Failure::usage(format!("there is an app {name} already"))
                    .next(format!("choose another name, or deploy to it with `-a {name}`"))
                    .into());
            }
            insert(tx, name, roots, subdir, at)?;
            find(tx, name)?.ok_or_else(|| unknown_app(tx, name))
        })
    }

    pub fn app(&self, name: &AppName) -> Result<Option<AppRecord>, Failure> {
        self.read("look up an app", |tx| find(tx, name))
    }

    /// All living apps, by name.
    pub fn apps(&self) -> Result<Vec<AppRecord>, Failure> {
        self.read("list the apps", |tx| {
            let query =
                format!("SELECT {COLUMNS} FROM apps WHERE destroyed_at IS NULL ORDER BY name");
            let mut statement = tx.prepare_cached(&query)?;
            let apps = statement.query_map([], record)?.collect::<Result<_, _>>()?;
            Ok(apps)
        })
    }

    /// Living apps of the codebase with these root commits and sub-folder.
    pub fn apps_of_codebase(
        &self,
        roots: &[String],
        subdir: &str,
    ) -> Result<Vec<AppRecord>, Failure> {
        let shares_a_root = |app: &AppRecord| app.roots.iter().any(|root| roots.contains(root));
        let mut apps = self.apps()?;
        apps.retain(|app| app.subdir == subdir && shares_a_root(app));
        Ok(apps)
    }

    /// Binds an app to a codebase, the first or a deliberate other one.
    pub fn bind_app(&self, name: &AppName, roots: &[String], subdir: &str) -> Result<(), Failure> {
        self.write("bind an app to its codebase", |tx| {
            let changed = tx.execute(
                "UPDATE apps SET roots = ?2, subdir = ?3 WHERE name = ?1 AND destroyed_at IS NULL",
                params![name.as_str(), sorted(roots)?, subdir],
            )?;
            if changed == 1 { Ok(()) } else { Err(unknown_app(tx, name)) }
        })
    }

    /// Ends an app whose deploys are all destroyed; its name may be used again.
    pub fn destroy_app(&self, name: &AppName, at: Timestamp) -> Result<(), Failure> {
        self.write("destroy an app", |tx| end(tx, name, at))
    }
}

pub(super) fn insert(
    tx: &Transaction,
    name: &AppName,
    roots: &[String],
    subdir: &str,
    at: Timestamp,
) -> Result<(), Fault> {
    tx.execute(
        "INSERT INTO apps (name, roots, subdir, created_at) VALUES (?1, ?2, ?3, ?4)",
        params![name.as_str(), sorted(roots)?, subdir, at.as_microsecond()],
    )?;
    Ok(())
}

pub(super) fn end(tx: &Transaction, name: &AppName, at: Timestamp) -> Result<(), Fault> {
    let alive: Option<String> = tx
        .query_row(
            "SELECT d.name FROM deploys d JOIN apps a ON a.id = d.app_id
             WHERE a.name = ?1 AND a.destroyed_at IS NULL AND d.destroyed_at IS NULL
             LIMIT 1",
            [name.as_str()],
            |row| row.get(0),
        )
        .optional()?;
    if let Some(deploy) = alive {
        return Err(Failure::usage(format!("app {name} still has a deploy {deploy}"))
            .next(format!("destroy it first: `xii destroy -a {name} -d {deploy}`"))
            .into());
    }
    let changed = tx.execute(
        "UPDATE apps SET destroyed_at = ?2 WHERE name = ?1 AND destroyed_at IS NULL",
        params![name.as_str(), at.as_microsecond()],
    )?;
    if changed == 1 { Ok(()) } else { Err(unknown_app(tx, name)) }
}

pub(super) fn find(tx: &Transaction, name: &AppName) -> Result<Option<AppRecord>, Fault> {
    let query = format!("SELECT {COLUMNS} FROM apps WHERE name = ?1 AND destroyed_at IS NULL");
    Ok(tx.prepare_cached(&query)?.query_row([name.as_str()], record).optional()?)
}

fn record(row: &Row) -> rusqlite::Result<AppRecord> {
    Ok(AppRecord {
        name: text(row, 0)?,
        roots: json(row, 1)?,
        subdir: row.get(2)?,
        created_at: time(row, 3)?,
        destroyed_at: optional_time(row, 4)?,
    })
}

fn sorted(roots: &[String]) -> rusqlite::Result<String> {
    let mut roots = roots.to_vec();
    roots.sort();
    roots.dedup();
    to_json(&roots)
}

/// The refusal, with the name that was probably meant.
pub(super) fn unknown_app(tx: &Transaction, name: &AppName) -> Fault {
    let names = match names(tx) {
        Ok(names) => names,
        Err(error) => return error.into(),
    };
    let near = did_you_mean(name.as_str(), names.iter().map(String::as_str));
    let near = near.map_or(String::new(), |near| format!("did you mean {near}? "));
    Failure::usage(format!("there is no app {name}"))
        .next(format!("{near}`xii apps` lists them; `xii create {name}` makes it"))
        .into()
}

fn names(tx: &Transaction) -> rusqlite::Result<Vec<String>> {
    let mut statement = tx.prepare_cached("SELECT name FROM apps WHERE destroyed_at IS NULL")?;
    statement.query_map([], |row| row.get(0))?.collect()
}
