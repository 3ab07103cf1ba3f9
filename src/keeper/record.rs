//! The note a keeper leaves where servers look for it. A record is a claim: it is believed
//! only of this boot, and only when the keeper behind its socket answers with its nonce.

use super::protocol::{Exit, VERSION};
use super::spec::KeeperSpec;
use crate::app::{DeployRef, Failure, InstanceId, ReleaseNumber};
use crate::sandbox::process;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    pub v: u32,
    pub boot_id: String,
    /// Of the keeper, on the host, with the start time that tells it from a later process.
    pub pid: i32,
    pub start_time: u64,
    pub nonce: String,
    pub deploy: DeployRef,
    pub instance: InstanceId,
    pub release: Option<ReleaseNumber>,
    pub port: Option<u16>,
    pub socket: PathBuf,
    #[serde(default)]
    pub cgroup: Option<String>,
    /// The final result, of a process that is not restarted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Exit>,
}

impl Record {
    pub fn of(spec: &KeeperSpec, pid: i32) -> io::Result<Record> {
        let gone = || io::Error::new(io::ErrorKind::NotFound, format!("process {pid} is gone"));
        Ok(Record {
            v: VERSION,
            boot_id: process::boot_id()?,
            pid,
            start_time: process::start_time(pid).ok_or_else(gone)?,
            nonce: spec.nonce.clone(),
            deploy: spec.deploy.clone(),
            instance: spec.instance.clone(),
            release: spec.release,
            port: spec.port,
            socket: spec.socket.clone(),
            cgroup: spec.sandbox.cgroup.clone(),
            result: None,
        })
    }

    /// Whole or not at all.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let named = |error| super::named(path, error);
        let temporary = Record::unfinished(path);
        std::fs::write(&temporary, serde_json::to_vec(self)?).map_err(named)?;
        std::fs::rename(&temporary, path).map_err(named)
    }

    /// What a record is called until it is whole.
    pub fn unfinished(path: &Path) -> PathBuf {
        path.with_extension("tmp")
    }

    /// Of this boot, if it is one.
    pub fn read(path: &Path) -> Option<Record> {
        let record: Record = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
        (process::boot_id().ok()? == record.boot_id).then_some(record)
    }

    /// True while the keeper's process exists.
    pub fn alive(&self) -> bool {
        process::start_time(self.pid) == Some(self.start_time)
    }
}

/// The records of this boot in a folder, with their paths. What is not a record, or is from
/// before a reboot, is left out; a missing folder has none.
pub fn records(folder: &Path) -> Result<Vec<(PathBuf, Record)>, Failure> {
    let failed = |error| {
        let message = format!("cannot read the instance records in {}", folder.display());
        Failure::platform(message).because(error)
    };
    let boot_id = process::boot_id().map_err(failed)?;
    let entries = match std::fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    let paths = entries.flatten().map(|entry| entry.path());
    let paths = paths.filter(|path| path.extension().is_none_or(|ending| ending != "tmp"));
    let found = paths.filter_map(|path| {
        let record: Record = serde_json::from_slice(&std::fs::read(&path).ok()?).ok()?;
        (record.v == VERSION && record.boot_id == boot_id).then_some((path, record))
    });
    Ok(found.collect())
}
