//! How a keeper comes to be. The server may die at any moment of it: there is then either no
//! keeper, or a keeper with a record, because nothing is started before the record is there.

use super::life::Life;
use super::protocol::VERSION;
use super::record::Record;
use super::spec::{KeeperSpec, Output};
use super::{Passed, clients, named};
use crate::app::Failure;
use crate::sandbox::cgroup::{self, Cgroup, Hierarchies, KEEPERS};
use crate::sandbox::{self, process, sys};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::pipe::{PipeFlags, pipe_with};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::ExitCode;
use std::time::Duration;

/// What the starter reads.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Report {
    Pid(i32),
    Error(Failure),
}

/// The hidden subcommand `xii keeper`: the spec on stdin, the report on stdout.
pub fn main() -> ExitCode {
    let report = match begin() {
        Ok(pid) => Report::Pid(pid),
        Err(failure) => Report::Error(failure),
    };
    let started = matches!(report, Report::Pid(_));
    // A starter that is gone does not hear it; the record says the same.
    let _ = io::stdout().write_all(&serde_json::to_vec(&report).unwrap_or_default());
    if started { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What has to be undone when the keeper cannot be started.
struct Traces<'a> {
    spec: &'a KeeperSpec,
    cgroup: Option<Cgroup>,
}

impl Traces<'_> {
    fn remove(&self) {
        let _ = std::fs::remove_file(&self.spec.socket);
        let _ = std::fs::remove_file(&self.spec.record);
        if let Some(cgroup) = &self.cgroup {
            cgroup.destroy(Duration::from_secs(2));
        }
    }
}

fn begin() -> Result<i32, Failure> {
    let spec = read_spec()?;
    let passed = Passed::inherited(&spec).map_err(|error| failed(&spec, error))?;
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
    let _ = sandbox::identity::leave_no_core();
    let _ = rustix::process::setsid();
    let mut traces = Traces { spec: &spec, cgroup: None };
    let begun = prepare_and_fork(&mut traces, passed);
    if begun.is_err() {
        traces.remove();
    }
    begun
}

fn prepare_and_fork(traces: &mut Traces<'_>, passed: Passed) -> Result<i32, Failure> {
    let spec = traces.spec;
    let own = make_cgroups(traces)?;
    let listener = clients::listen(&spec.socket).map_err(|error| failed(spec, error))?;
    let pipe = || pipe_with(PipeFlags::CLOEXEC).map_err(|error| failed(spec, error.into()));
    let ((up_read, up_write), (go_read, go_write)) = (pipe()?, pipe()?);
    sandbox::unshare_pids(&spec.sandbox)?;
    let forked = cgroup::fork(own.as_ref()).map_err(|error| failed(spec, error.into()));
    let (fork, to_join) = forked?;
    match fork {
        sys::Fork::Parent(pid) => {
            drop((up_write, go_read));
            hand_over(spec, pid.as_raw_pid(), up_read, go_write)
        }
        sys::Fork::Child => {
            drop((up_read, go_write));
            let cgroup = traces.cgroup.take();
            let life = detach(spec, to_join)
                .and_then(|()| Life::new(spec.clone(), cgroup, listener, passed));
            sys::exit_now(keep(life, up_write, go_read))
        }
    }
}

/// The cgroup of the instance, with limits and guard; handed back is the keeper's own, where
/// keepers have one.
fn make_cgroups(traces: &mut Traces<'_>) -> Result<Option<Cgroup>, Failure> {
    let spec = traces.spec;
    let Some(name) = &spec.sandbox.cgroup else { return Ok(None) };
    let machine = Hierarchies::of_this_machine();
    let cgroup = machine.create(name, &spec.sandbox.limits)?;
    let guarded = cgroup.guard_ports(spec.port);
    traces.cgroup = Some(cgroup);
    // Where the kernel cannot, the server has said so at its start.
    if spec.sandbox.guarded {
        guarded?;
    }
    let (home, _) = name.rsplit_once('/').unwrap_or((name, ""));
    Ok(machine.beside(home, KEEPERS)?)
}

/// The parent's part: the keeper is up, its record is written, it may go.
fn hand_over(spec: &KeeperSpec, pid: i32, up: OwnedFd, go: OwnedFd) -> Result<i32, Failure> {
    let mut answer = String::new();
    File::from(up).read_to_string(&mut answer).map_err(|error| failed(spec, error))?;
    if answer != UP {
        let answer = if answer.is_empty() { "the keeper died".to_string() } else { answer };
        return Err(Failure::platform(cannot_start(spec)).why(answer));
    }
    let record = Record::of(spec, pid).map_err(|error| failed(spec, error))?;
    record.write(&spec.record).map_err(|error| failed(spec, error))?;
    // After the record, not before: a server that dies from here on has left one that the
    // next server finds. One that died earlier may have been followed already.
    if starter_is_gone() {
        return Err(failed(spec, io::ErrorKind::BrokenPipe.into()));
    }
    let text = serde_json::to_vec(&record).unwrap_or_default();
    File::from(go).write_all(&text).map_err(|error| failed(spec, error))?;
    Ok(pid)
}

/// Nobody holds the other end of the report any more.
fn starter_is_gone() -> bool {
    let stdout = io::stdout();
    let mut polled = [PollFd::new(&stdout, PollFlags::OUT)];
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    let told = poll(&mut polled, Some(&now)).is_ok_and(|count| count > 0);
    told && polled[0].revents().intersects(PollFlags::ERR)
}

const UP: &str = "up";

/// The child's part: pid 1 of its namespace, for as long as the instance exists.
fn keep(life: Result<Life, Failure>, up: OwnedFd, go: OwnedFd) -> i32 {
    let mut up = File::from(up);
    let mut life = match life {
        Ok(life) => life,
        Err(error) => {
            let _ = up.write_all(error.to_string().as_bytes());
            return 1;
        }
    };
    let told = up.write_all(UP.as_bytes());
    drop(up);
    let mut record = Vec::new();
    let heard = File::from(go).read_to_end(&mut record);
    match (told, heard, serde_json::from_slice::<Record>(&record)) {
        (Ok(()), Ok(_), Ok(record)) => life.run(record),
        // The parent died before there was a record: it is as if nothing had been.
        _ => {
            life.clean_up();
            1
        }
    }
}

/// Lets go of everything that ties the keeper to its starter: its cgroup first.
fn detach(spec: &KeeperSpec, to_join: Option<&Cgroup>) -> Result<(), Failure> {
    to_join.map_or(Ok(()), Cgroup::join)?;
    let_go(spec).map_err(|error| failed(spec, error))
}

/// Of streams, folder, name and privileges.
fn let_go(spec: &KeeperSpec) -> io::Result<()> {
    let null = File::options().read(true).write(true).open("/dev/null")?;
    for stream in 0..=2 {
        sys::replace_stdio(null.as_fd(), stream)?;
    }
    rustix::process::chdir("/")?;
    let quiet = rustix::process::DumpableBehavior::NotDumpable;
    rustix::process::set_dumpable_behavior(quiet)?;
    let name = std::ffi::CString::new(format!("xii {}", spec.instance.name()))?;
    rustix::thread::set_name(&name)?;
    sandbox::keep_capabilities_for_restarts().map_err(io::Error::other)
}

fn read_spec() -> Result<KeeperSpec, Failure> {
    let bad = |error: String| Failure::internal("the keeper's spec is not valid").why(error);
    let mut text = Vec::new();
    io::stdin().read_to_end(&mut text).map_err(|error| bad(error.to_string()))?;
    let spec: KeeperSpec = serde_json::from_slice(&text).map_err(|error| bad(error.to_string()))?;
    if spec.v != VERSION {
        return Err(bad(format!("version {}, this keeper speaks {VERSION}", spec.v)));
    }
    Ok(spec)
}

fn cannot_start(spec: &KeeperSpec) -> String {
    format!("cannot start {} of {}", spec.instance.name(), spec.deploy)
}

fn failed(spec: &KeeperSpec, error: io::Error) -> Failure {
    Failure::platform(cannot_start(spec)).because(error)
}

impl Passed {
    /// Takes over the descriptors the spec says were passed. Called once.
    fn inherited(spec: &KeeperSpec) -> io::Result<Passed> {
        let take = |number| {
            let taken = process::inherited(number).map_err(io::Error::from);
            taken.map_err(|error| named(format!("descriptor {number}").as_ref(), error))
        };
        let stdio = match spec.output {
            Output::Passed => Some([take(3)?, take(4)?, take(5)?]),
            Output::Log { .. } => None,
        };
        let lifeline = if spec.attached { Some(take(6)?) } else { None };
        Ok(Passed { stdio, lifeline })
    }
}
