//! The way into a sandbox: a forked child walks it step by step and ends as the app.
//! The order matters: what a later step forbids, an earlier one still needs.

use super::cgroup::{self, Cgroup};
use super::spec::{Env, Level, Sandbox};
use super::step::{Result, StepError, at, not_offered};
use super::{root, seccomp, sys};
use landlock::{CompatLevel, Compatible, Ruleset, RulesetAttr, Scope};
use rustix::fs::{Gid, Mode, Uid};
use rustix::io::Errno;
use rustix::mount::MountPropagationFlags;
use rustix::process::{Pid, Resource, Rlimit};
use rustix::thread::{CapabilitySet, CapabilitySets, UnshareFlags};
use std::ffi::CString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

/// A process on its way into its sandbox. `setup` reads as ended once its program runs; text
/// before that names the step that failed, and the process has then ended with
/// [`SETUP_FAILED`], [`NOT_FOUND`] or [`NOT_EXECUTABLE`].
#[derive(Debug)]
pub struct Child {
    pub pid: Pid,
    pub setup: OwnedFd,
}

pub const SETUP_FAILED: i32 = 125;
pub const NOT_EXECUTABLE: i32 = 126;
pub const NOT_FOUND: i32 = 127;

const OOM_SCORE_ADJ: u16 = 300;

/// What to run, prepared before the fork.
pub struct Program {
    argv: Vec<CString>,
    env: Vec<CString>,
    candidates: Vec<CString>,
    home: String,
    filter: seccompiler::BpfProgram,
}

impl Program {
    /// Fails on an empty argv and on NUL bytes.
    pub fn new(argv: &[String], env: &Env) -> Result<Program> {
        let text = |text: String| at(CString::new(text), || "prepare the command");
        let name = argv.first().ok_or_else(|| StepError::new("prepare the command", "is empty"))?;
        let path = env.0.get("PATH").map_or("/usr/bin:/bin", String::as_str);
        let candidates: Vec<String> = match name.contains('/') {
            true => vec![name.clone()],
            false => path.split(':').map(|folder| format!("{folder}/{name}")).collect(),
        };
        Ok(Program {
            argv: argv.iter().cloned().map(text).collect::<Result<_>>()?,
            env: env.0.iter().map(|(k, v)| text(format!("{k}={v}"))).collect::<Result<_>>()?,
            candidates: candidates.into_iter().map(text).collect::<Result<_>>()?,
            home: env
                .0
                .get("HOME")
                .filter(|h| !h.contains([':', '\n']))
                .cloned()
                .unwrap_or("/app".into()),
            filter: seccomp::program()?,
        })
    }
}

/// Forks and sends the child on its way. Only for a single-threaded process that is pid 1 of
/// the PID namespace the child shall live in.
pub fn spawn(
    sandbox: &Sandbox,
    cgroup: Option<&Cgroup>,
    program: &Program,
    stdio: [BorrowedFd<'_>; 3],
) -> Result<Child> {
    let pipe = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC);
    let (setup, failure) = at(pipe, || "make a pipe")?;
    let (fork, to_join) = at(cgroup::fork(cgroup), || "fork")?;
    match fork {
        sys::Fork::Parent(pid) => Ok(Child { pid, setup }),
        sys::Fork::Child => {
            let (error, code) = match enter(sandbox, to_join, program, stdio) {
                Ok(()) => execute(program),
                Err(error) => (error, SETUP_FAILED),
            };
            let _ = rustix::io::write(&failure, error.to_string().as_bytes());
            sys::exit_now(code)
        }
    }
}

fn enter(
    sandbox: &Sandbox,
    to_join: Option<&Cgroup>,
    program: &Program,
    stdio: [BorrowedFd<'_>; 3],
) -> Result<()> {
    at(rustix::process::setsid(), || "setsid")?;
    if let Some(cgroup) = to_join {
        cgroup.join()?;
    }
    // When the whole machine is short of memory, apps go before what keeps them.
    let score = sandbox.limits.oom_score_adj.unwrap_or(OOM_SCORE_ADJ).to_string();
    let _ = std::fs::write("/proc/self/oom_score_adj", score);
    for (number, stream) in stdio.into_iter().enumerate() {
        at(sys::replace_stdio(stream, number as i32), || "set up stdin, stdout and stderr")?;
    }
    let namespaces =
        UnshareFlags::NEWNS | UnshareFlags::NEWIPC | UnshareFlags::NEWUTS | UnshareFlags::NEWCGROUP;
    at(sys::unshare(namespaces), || "unshare mounts, IPC, host name and cgroups")?;
    rustix::process::umask(Mode::empty());
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    at(rustix::mount::mount_change("/", private), || "make mounts private")?;
    at(rustix::system::sethostname(sandbox.hostname.as_bytes()), || "set the host name")?;
    root::build_and_enter(sandbox, &program.home)?;
    at(rustix::process::chdir(&sandbox.cwd), || format!("enter {}", sandbox.cwd.display()))?;
    rustix::process::umask(Mode::from_raw_mode(0o022));
    limit(Resource::Core, sys::NO_CORE, sys::NO_CORE)?;
    limit(Resource::Nofile, 16 * 1024, 64 * 1024)?;
    give_up_privileges(sandbox)?;
    landlock_scopes()?;
    at(sys::default_signals(), || "reset signals")?;
    at(sys::close_all_on_exec(), || "close descriptors on exec")?;
    seccomp::install(&program.filter)
}

/// Lowers a limit; never raises one, which would need a capability.
fn limit(resource: Resource, soft: u64, hard: u64) -> Result<()> {
    let now = rustix::process::getrlimit(resource);
    let least = |wanted: u64, now: Option<u64>| Some(now.map_or(wanted, |now| now.min(wanted)));
    let maximum = least(hard, now.maximum);
    let lowered = Rlimit { current: least(soft, maximum), maximum };
    at(rustix::process::setrlimit(resource, lowered), || format!("limit {resource:?}"))
}

fn give_up_privileges(sandbox: &Sandbox) -> Result<()> {
    for capability in CapabilitySet::all().iter() {
        match rustix::thread::remove_capability_from_bounding_set(capability) {
            Ok(()) | Err(Errno::INVAL) => {}
            Err(error) => at(Err(error), || "drop the bounding set")?,
        }
    }
    let (uid, gid) = (Uid::from_raw(sandbox.user.uid), Gid::from_raw(sandbox.user.gid));
    if sandbox.level == Level::Full {
        at(rustix::thread::set_thread_groups(&[]), || "drop groups")?;
    }
    at(rustix::thread::set_thread_res_gid(gid, gid, gid), || format!("become group {gid:?}"))?;
    at(rustix::thread::set_thread_res_uid(uid, uid, uid), || format!("become user {uid:?}"))?;
    let empty = CapabilitySet::empty();
    let none = CapabilitySets { effective: empty, permitted: empty, inheritable: empty };
    at(rustix::thread::set_capabilities(None, none), || "drop capabilities")?;
    at(rustix::thread::set_no_new_privs(true), || "set no_new_privs")
}

/// No signals to, and no abstract sockets of, processes outside. An extra: kernels before
/// 6.12 do not have it.
fn landlock_scopes() -> Result<()> {
    let scopes = Scope::AbstractUnixSocket | Scope::Signal;
    let ruleset = Ruleset::default().set_compatibility(CompatLevel::BestEffort).scope(scopes);
    let restricted = ruleset.and_then(|rules| rules.create()).and_then(|made| made.restrict_self());
    at(restricted.map(drop).map_err(std::io::Error::other), || "restrict by Landlock")
}

/// Never returns on success.
fn execute(program: &Program) -> (StepError, i32) {
    let mut worst = Errno::NOENT;
    for candidate in &program.candidates {
        match sys::execve(candidate, &program.argv, &program.env) {
            Errno::NOENT | Errno::NOTDIR => {}
            other => worst = other,
        }
    }
    let code = if worst == Errno::NOENT { NOT_FOUND } else { NOT_EXECUTABLE };
    let name = program.argv.first().map(|name| name.to_string_lossy().into_owned());
    let step = format!("run {}", name.unwrap_or_default());
    (StepError::new(step, std::io::Error::from(worst).to_string()), code)
}

/// Puts this process and its children into a new PID namespace, without root a user
/// namespace around it; the next fork makes pid 1.
pub fn unshare_pids(sandbox: &Sandbox) -> Result<()> {
    if sandbox.level == Level::Full {
        return at(sys::unshare(UnshareFlags::NEWPID), || "unshare process ids");
    }
    let (uid, gid) = (rustix::process::geteuid(), rustix::process::getegid());
    let both = UnshareFlags::NEWUSER | UnshareFlags::NEWPID;
    at(sys::unshare(both), || "unshare user and process ids")?;
    let maps = [
        ("/proc/self/setgroups", "deny".to_string()),
        ("/proc/self/uid_map", format!("{} {} 1", sandbox.user.uid, uid.as_raw())),
        ("/proc/self/gid_map", format!("{} {} 1", sandbox.user.gid, gid.as_raw())),
    ];
    for (path, text) in maps {
        at(std::fs::write(path, text), || format!("write {path}"))?;
    }
    Ok(())
}

/// What a keeper must still be able to do: build a sandbox again, and end what is in it.
pub fn keep_capabilities_for_restarts() -> Result<()> {
    let kept = CapabilitySet::CHOWN
        | CapabilitySet::DAC_OVERRIDE
        | CapabilitySet::FOWNER
        | CapabilitySet::KILL
        | CapabilitySet::MKNOD
        | CapabilitySet::SETGID
        | CapabilitySet::SETUID
        | CapabilitySet::SETPCAP
        | CapabilitySet::SYS_ADMIN
        // Only who has it can give an out-of-memory score that its app cannot take back.
        | CapabilitySet::SYS_RESOURCE;
    for capability in CapabilitySet::all().difference(kept).iter() {
        match rustix::thread::remove_capability_from_bounding_set(capability) {
            Ok(()) | Err(Errno::INVAL) => {}
            Err(error) if not_offered(error) => break,
            Err(error) => at(Err(error), || "drop the bounding set")?,
        }
    }
    let now = at(rustix::thread::capabilities(None), || "read capabilities")?;
    let sets = CapabilitySets {
        effective: now.effective.intersection(kept),
        permitted: now.permitted.intersection(kept),
        inheritable: CapabilitySet::empty(),
    };
    at(rustix::thread::set_capabilities(None, sets), || "drop capabilities")
}

/// The text a child sent before it could run its program, once it is complete.
pub fn setup_error(setup: impl AsFd) -> Option<String> {
    let mut text = [0u8; 1024];
    match rustix::io::read(setup, &mut text) {
        Ok(0) | Err(_) => None,
        Ok(count) => Some(String::from_utf8_lossy(&text[..count]).into_owned()),
    }
}
