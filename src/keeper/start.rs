//! Starting a keeper, from the server's side.

use super::begin::Report;
use super::record::Record;
use super::spec::KeeperSpec;
use crate::app::Failure;
use crate::sandbox::cgroup::Hierarchies;
use crate::sandbox::{Env, process};
use rustix::pipe::{PipeFlags, pipe_with};
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{OwnedFd, RawFd};
use std::path::Path;
use std::time::Duration;

const ENDS_WITHIN: Duration = Duration::from_secs(10);

/// A keeper that runs and has written its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Started {
    /// On the host.
    pub pid: i32,
}

/// Starts a keeper and waits until it has its record or has failed. `passed` become stdin,
/// stdout and stderr of the process, `lifeline` ties it to its writer. Blocks for some
/// milliseconds; safe in a process with threads. Where this fails nothing is left of it.
pub fn start(
    exe: &Path,
    spec: &KeeperSpec,
    passed: Option<[OwnedFd; 3]>,
    lifeline: Option<OwnedFd>,
) -> Result<Started, Failure> {
    let started = try_start(exe, spec, passed, lifeline);
    if started.is_err() {
        undo(spec);
    }
    started
}

/// Ends the keeper of this spec, if there is one, and removes what it has made. One that was
/// killed in its start could not do so itself.
pub fn undo(spec: &KeeperSpec) {
    if let Some(record) = Record::read(&spec.record)
        && let Some(keeper) = process::Other::open(record.pid, record.start_time)
    {
        // With it goes everything in its namespace.
        let _ = keeper.kill();
        keeper.wait(ENDS_WITHIN);
    }
    for path in [&spec.record, &Record::unfinished(&spec.record), &spec.socket] {
        let _ = std::fs::remove_file(path);
    }
    if let Some(name) = &spec.sandbox.cgroup {
        let cgroup = Hierarchies::of_this_machine().cgroup(name);
        cgroup.kill();
        cgroup.destroy(ENDS_WITHIN);
    }
}

fn try_start(
    exe: &Path,
    spec: &KeeperSpec,
    passed: Option<[OwnedFd; 3]>,
    lifeline: Option<OwnedFd>,
) -> Result<Started, Failure> {
    let failed = |error: std::io::Error| {
        let message = format!("cannot start {} of {}", spec.instance.name(), spec.deploy);
        Failure::platform(message).because(error)
    };
    let pipe = || pipe_with(PipeFlags::CLOEXEC).map_err(|error| failed(error.into()));
    let ((stdin, spec_write), (report, stdout)) = (pipe()?, pipe()?);
    let mut descriptors: Vec<(RawFd, OwnedFd)> = vec![(0, stdin), (1, stdout)];
    descriptors.extend(passed.into_iter().flat_map(|all| (3..).zip(all)));
    descriptors.extend(lifeline.map(|end| (6, end)));
    let child = process::spawn_self(exe, &["keeper"], &Env::default(), descriptors);
    let child = child.map_err(failed)?;
    let text = serde_json::to_vec(spec).map_err(|error| failed(error.into()))?;
    // A keeper that failed early has closed its end; its report says why.
    let _ = File::from(spec_write).write_all(&text);
    let mut answer = Vec::new();
    let read = File::from(report).read_to_end(&mut answer);
    let status = child.wait().map_err(failed)?;
    read.map_err(failed)?;
    match serde_json::from_slice(&answer) {
        Ok(Report::Pid(pid)) => Ok(Started { pid }),
        Ok(Report::Error(failure)) => Err(failure),
        Err(_) => Err(failed(std::io::Error::other(format!(
            "{} keeper ended with status {status} and no report",
            exe.display()
        )))),
    }
}
