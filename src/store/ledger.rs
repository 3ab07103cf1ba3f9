//! The ledger: one SQLite file, one writer, every acknowledged row on the disk.

use super::files::io;
use super::{migrations, set_aside};
use crate::app::Failure;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};
use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The smallest page of a database.
const LEAST: u64 = 512;

/// A handle on the ledger. Cheap to clone; calls block until the row is on the disk.
#[derive(Clone)]
pub struct Ledger {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    state: Mutex<State>,
}

pub(super) struct State {
    pub(super) connection: Connection,
    /// Keeper numbers already reserved in the database: next, and the end.
    pub(super) keepers: std::ops::Range<u64>,
    /// Room for the next rows is kept, however full the disk becomes.
    has_room: bool,
}

/// What can go wrong inside a transaction: the database, or a rule of ours.
pub(super) enum Fault {
    Sql(rusqlite::Error),
    Refused(Failure),
}

impl From<rusqlite::Error> for Fault {
    fn from(error: rusqlite::Error) -> Self {
        Fault::Sql(error)
    }
}

impl From<Failure> for Fault {
    fn from(failure: Failure) -> Self {
        Fault::Refused(failure)
    }
}

impl Ledger {
    /// Opens the ledger at `path`, making or migrating it.
    pub fn open(path: &Path) -> Result<Ledger, Failure> {
        match std::fs::metadata(path) {
            // SQLite would take it for a new database.
            Ok(found) if found.len() < LEAST => {
                let length = found.len();
                return Err(damaged(path).why(format!("the file is {length} bytes long")));
            }
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => create(path)?,
            Err(error) => return Err(io("cannot look at", path, error)),
        }
        let connection = open(path)?;
        // What has been set aside for the log goes with the log, which a last close removes.
        let kept = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
        kept.map_err(|error| explain(path, "keep the log", error))?;
        ask(&connection, path, "PRAGMA quick_check(1)")?;
        let has_room = set_aside::room(path);
        let state = Mutex::new(State { connection, keepers: 0..0, has_room });
        Ok(Ledger { inner: Arc::new(Inner { path: path.to_path_buf(), state }) })
    }

    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// Reads every page, beside whoever uses the ledger.
    pub fn examine(&self) -> Result<(), Failure> {
        let path = self.path();
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
            .map_err(|error| explain(path, "open a file", error))?;
        ask(&connection, path, "PRAGMA integrity_check(1)")
    }

    /// A consistent copy while the ledger is in use.
    pub fn back_up(&self, to: &Path) -> Result<(), Failure> {
        make_private(to)?;
        let name = to.as_os_str().as_encoded_bytes();
        let copied = self.state().connection.execute("VACUUM INTO CAST(?1 AS TEXT)", [name]);
        copied.map_err(|error| explain(&self.inner.path, "make a backup", error))?;
        File::open(to)
            .and_then(|file| file.sync_all())
            .map_err(|error| io("cannot sync", to, error))?;
        sync_parent(to)
    }

    /// Runs `body` in a read transaction; `doing` completes "cannot … in the ledger".
    pub(super) fn read<T>(
        &self,
        doing: &str,
        body: impl FnOnce(&Transaction) -> Result<T, Fault>,
    ) -> Result<T, Failure> {
        self.transact(&mut self.state(), doing, TransactionBehavior::Deferred, body)
    }

    /// Runs `body` in a write transaction: all of it or nothing, durable on return.
    pub(super) fn write<T>(
        &self,
        doing: &str,
        body: impl FnOnce(&Transaction) -> Result<T, Fault>,
    ) -> Result<T, Failure> {
        self.write_in(&mut self.state(), doing, body)
    }

    /// [`Ledger::write`] for who holds the state already.
    pub(super) fn write_in<T>(
        &self,
        state: &mut State,
        doing: &str,
        body: impl FnOnce(&Transaction) -> Result<T, Fault>,
    ) -> Result<T, Failure> {
        if !state.has_room {
            state.has_room = set_aside::room(&self.inner.path);
        }
        self.transact(state, doing, TransactionBehavior::Immediate, body)
    }

    fn transact<T>(
        &self,
        state: &mut State,
        doing: &str,
        behavior: TransactionBehavior,
        body: impl FnOnce(&Transaction) -> Result<T, Fault>,
    ) -> Result<T, Failure> {
        let result = (|| {
            let transaction = state.connection.transaction_with_behavior(behavior)?;
            let value = body(&transaction)?;
            transaction.commit()?;
            Ok(value)
        })();
        result.map_err(|fault| failure(&self.inner.path, doing, fault))
    }

    /// A panic in another thread rolled its transaction back, so the state is whole.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Inner {
    /// A copy of the file alone is whole after a clean end; the log stays where it is.
    fn drop(&mut self) {
        let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        // What is not copied now is copied by whoever opens it next.
        let _ = state.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
    }
}

impl std::fmt::Debug for Ledger {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Ledger").field(&self.inner.path).finish()
    }
}

/// A new ledger gets its name when it is whole, so that an empty file is never a new ledger.
fn create(path: &Path) -> Result<(), Failure> {
    let unfinished = path.with_extension("new");
    match std::fs::remove_file(&unfinished) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(io("cannot remove", &unfinished, error));
        }
        _ => make_private(&unfinished)?,
    }
    let closed = open(&unfinished)?.close();
    closed.map_err(|(_, error)| explain(&unfinished, "finish a new file", error))?;
    std::fs::rename(&unfinished, path).map_err(|error| io("cannot make", path, error))?;
    sync_parent(path)
}

fn open(path: &Path) -> Result<Connection, Failure> {
    let mut connection = connect(path).map_err(|error| explain(path, "open a file", error))?;
    migrations::run(&mut connection).map_err(|fault| failure(path, "renew the schema", fault))?;
    Ok(connection)
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    Ok(connection)
}

fn ask(connection: &Connection, path: &Path, check: &str) -> Result<(), Failure> {
    let verdict: String = connection
        .query_row(check, [], |row| row.get(0))
        .map_err(|error| explain(path, "check", error))?;
    if verdict == "ok" { Ok(()) } else { Err(damaged(path).why(verdict)) }
}

/// SQLite gives its other files the mode of this one.
fn make_private(path: &Path) -> Result<(), Failure> {
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    made.map(drop).map_err(|error| io("cannot make", path, error))
}

fn sync_parent(path: &Path) -> Result<(), Failure> {
    let parent = path.parent().unwrap_or(Path::new("/"));
    let synced = File::open(parent).and_then(|dir| dir.sync_all());
    synced.map_err(|error| io("cannot sync", parent, error))
}

fn failure(path: &Path, doing: &str, fault: Fault) -> Failure {
    match fault {
        Fault::Refused(failure) => failure,
        Fault::Sql(error) => explain(path, doing, error),
    }
}

fn explain(path: &Path, doing: &str, error: rusqlite::Error) -> Failure {
    let general = Failure::platform(format!("cannot {doing} in the ledger {}", path.display()));
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase | ErrorCode::DatabaseCorrupt) => damaged(path).because(error),
        Some(ErrorCode::DiskFull) => {
            general.because(error).next("free some disk space and try again; nothing was changed")
        }
        Some(ErrorCode::ReadOnly) => {
            general.because(error).next("make the file and its folder writable")
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            general.because(error).next("another process has the ledger open; end it and try again")
        }
        _ => general.because(error),
    }
}

fn damaged(path: &Path) -> Failure {
    Failure::platform(format!("the ledger {} is damaged", path.display())).next(format!(
        "restore {} from a backup, without its -wal and -shm files; running instances are not touched",
        path.display()
    ))
}
