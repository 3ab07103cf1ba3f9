//! Starting the keeper of the routers, from the server's side.

use super::record::KeepRouterRecord;
use super::settings::KeepRouterSpec;
use crate::app::Failure;
use crate::sandbox::{Env, process};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd, RawFd};

/// The descriptor a detached keeper reports on.
pub const REPORT: RawFd = 3;

/// What the starter hears.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Report {
    Serving(KeepRouterRecord),
    Failed(Failure),
}

/// What a keeper reads on stdin.
#[derive(Debug, Serialize, Deserialize)]
pub struct Instructions {
    #[serde(flatten)]
    pub spec: KeepRouterSpec,
    /// Leave the starter's session, and report on descriptor [`REPORT`].
    #[serde(default)]
    pub detached: bool,
}

/// Starts a keeper in a session of its own; returns when its router serves. Blocks until
/// then. What keeper and routers say about themselves, and access lines that belong to no
/// app, go to `log`.
pub fn start(spec: &KeepRouterSpec, log: &File) -> Result<KeepRouterRecord, Failure> {
    let failed = |error: std::io::Error| {
        Failure::platform("cannot start the router's keeper").because(error)
    };
    let (answer, spawned) = spawn(spec, log).map_err(failed)?;
    let mut said = Vec::new();
    let read = File::from(answer).read_to_end(&mut said);
    let status = spawned.wait().map_err(failed)?;
    read.map_err(failed)?;
    match serde_json::from_slice(&said) {
        Ok(Report::Serving(record)) => Ok(record),
        Ok(Report::Failed(failure)) => Err(failure),
        Err(_) => {
            let what = format!("it ended without a report, status {status}");
            Err(failed(std::io::Error::other(what)))
        }
    }
}

fn spawn(spec: &KeepRouterSpec, log: &File) -> std::io::Result<(OwnedFd, process::Started)> {
    let (stdin, mut spec_write) = std::io::pipe()?;
    let (answer, report) = std::io::pipe()?;
    let descriptors: Vec<(RawFd, OwnedFd)> = vec![
        (0, stdin.into()),
        (1, log.as_fd().try_clone_to_owned()?),
        (2, log.as_fd().try_clone_to_owned()?),
        (REPORT, report.into()),
    ];
    let order = Instructions { spec: spec.clone(), detached: true };
    let started = process::spawn_self(&spec.exe, &["keep-router"], &Env::default(), descriptors)?;
    // One that failed early has closed its end; its report says why.
    let _ = spec_write.write_all(&serde_json::to_vec(&order)?);
    Ok((answer.into(), started))
}
