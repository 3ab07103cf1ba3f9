//! What a keeper leaves in the run folder for whoever comes later.

use super::settings::KeepRouterSpec;
use crate::app::Failure;
use crate::sandbox::process;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// A running keeper.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeepRouterRecord {
    pub pid: u32,
    /// Clock ticks after boot, from `/proc/PID/stat`.
    pub start_time: u64,
    pub boot_id: String,
    pub http: SocketAddr,
    pub socket: PathBuf,
}

impl KeepRouterRecord {
    pub(super) fn of_this_process(spec: &KeepRouterSpec) -> Result<Self, Failure> {
        let pid = std::process::id();
        Ok(KeepRouterRecord {
            pid,
            start_time: process::start_time(pid as i32).unwrap_or(0),
            boot_id: process::boot_id()
                .map_err(|error| Failure::platform("cannot read the boot id").because(error))?,
            http: spec.http,
            socket: spec.socket.clone(),
        })
    }

    pub(super) fn write(&self, path: &Path) -> Result<(), Failure> {
        let failed = |error: std::io::Error| {
            Failure::platform(format!("cannot write {}", path.display())).because(error)
        };
        let text = serde_json::to_vec(self)
            .map_err(|error| Failure::internal("the record has no JSON").because(error))?;
        let next = path.with_extension("next");
        std::fs::write(&next, text).map_err(failed)?;
        std::fs::rename(&next, path).map_err(failed)
    }

    /// The record, if there is one and its process is alive.
    pub fn read(path: &Path) -> Option<Self> {
        let record: Self = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
        let same_boot = process::boot_id().is_ok_and(|boot| boot == record.boot_id);
        let alive = process::start_time(record.pid as i32) == Some(record.start_time);
        (same_boot && alive).then_some(record)
    }
}

/// Where the keeper of this record listens or listened, dead or alive.
pub fn last_http(path: &Path) -> Option<SocketAddr> {
    let record: KeepRouterRecord = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
    Some(record.http)
}

/// A keeper is there, though maybe not far enough to have its record.
pub fn is_kept(path: &Path) -> bool {
    std::fs::File::open(path.with_extension("lock"))
        .is_ok_and(|file| file.try_lock_shared().is_err())
}

/// One keeper per run folder.
pub(super) fn lock(path: &Path) -> Result<std::fs::File, Failure> {
    let what = || format!("cannot lock {}", path.display());
    let file =
        std::fs::File::create(path).map_err(|error| Failure::platform(what()).because(error))?;
    file.try_lock().map_err(|error| {
        Failure::platform(what()).because(error).why("the router's keeper is running already")
    })?;
    Ok(file)
}

pub(super) fn make_dir(path: &Path) -> Result<(), Failure> {
    std::fs::create_dir_all(path).map_err(|error| {
        Failure::platform(format!("cannot create {}", path.display())).because(error)
    })
}
