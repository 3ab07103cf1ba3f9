//! What isolation this machine allows, found by doing it: settings and capabilities lie in
//! containers, a mount that works does not.

use super::cgroup::Hierarchies;
use super::spec::{Env, Level, Limits, Root, Sandbox, User};
use super::step::{Result, StepError, at};
use super::{Program, enter, firewall, process, sys};
use rustix::process::WaitOptions;
use serde::{Deserialize, Serialize};
use std::io::Write;
use std::os::fd::AsFd;
use std::path::Path;
use std::process::ExitCode;

/// What a machine offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Isolation {
    /// The best sandbox that can be built; `None`: none at all.
    pub level: Option<Level>,
    /// Memory, cpu and processes can be bounded.
    pub limits: bool,
    /// Ports of apps can be kept apart.
    pub firewall: bool,
    /// No app can take the port of another one.
    #[serde(default)]
    pub ports: bool,
    /// What `full` promises and this machine does not give.
    pub missing: Vec<Missing>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    pub what: String,
    pub why: String,
    pub remedy: Option<String>,
}

impl Isolation {
    /// Everything the level `full` promises is there.
    pub fn is_full(&self) -> bool {
        self.level == Some(Level::Full) && self.missing.is_empty()
    }
}

/// Tries everything once. `exe` is this program: it is started again, because namespaces
/// are nothing for a process with threads. `cgroup` was delegated to us. Takes some tens of
/// milliseconds.
pub fn probe(exe: &Path, cgroup: Option<&str>) -> Isolation {
    let mut missing = Vec::new();
    let full = try_level(exe, Level::Full);
    let mut level = full.is_ok().then_some(Level::Full);
    if let Err(why) = full {
        let root = rustix::process::geteuid().is_root();
        let remedy = (!root).then(|| "run the server as root".to_string());
        missing.push(Missing { what: "a user and namespaces per app".into(), why, remedy });
        match try_level(exe, Level::UserNamespace) {
            Ok(()) => level = Some(Level::UserNamespace),
            Err(why) => missing.push(Missing {
                what: "user namespaces".into(),
                why,
                remedy: Some("sysctl -w user.max_user_namespaces=10000".into()),
            }),
        }
    }
    let (limits, ports) = try_cgroup(cgroup);
    let firewall = firewall::try_out();
    let (has_limits, has_ports, has_firewall) = (limits.is_ok(), ports.is_ok(), firewall.is_ok());
    if let Err(why) = limits {
        let remedy = Some("run as root, outside of a container without its own cgroup".into());
        missing.push(Missing { what: "limits of memory, cpu and processes".into(), why, remedy });
    }
    if let Err(failure) = firewall {
        let (why, remedy) = (failure.to_string(), failure.next);
        missing.push(Missing { what: "a firewall between apps' ports".into(), why, remedy });
    }
    if let (true, Err(why)) = (has_limits, ports) {
        let remedy = Some("a kernel with cgroup v2 and CONFIG_CGROUP_BPF".into());
        missing.push(Missing { what: "a guard on apps' ports".into(), why, remedy });
    }
    Isolation { level, limits: has_limits, firewall: has_firewall, ports: has_ports, missing }
}

impl std::fmt::Display for Isolation {
    /// By property: `full`, `namespaces, without a firewall`, `user-namespace`, `none`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.level {
            None => f.write_str("none"),
            Some(Level::UserNamespace) => f.write_str("user-namespace"),
            Some(Level::Full) if self.is_full() => f.write_str("full"),
            Some(Level::Full) => {
                f.write_str("namespaces")?;
                f.write_str(if self.limits { "" } else { ", without limits" })?;
                f.write_str(if self.firewall { "" } else { ", without a firewall" })?;
                f.write_str(if self.ports || !self.limits { "" } else { ", ports unguarded" })
            }
        }
    }
}

/// Whether one can be made with limits, and the ports of its processes be guarded.
fn try_cgroup(
    base: Option<&str>,
) -> (std::result::Result<(), String>, std::result::Result<(), String>) {
    let name = format!("xii-probe-{}", std::process::id());
    let name = base.map_or(name.clone(), |base| format!("{}/{name}", base.trim_matches('/')));
    let limits = Limits {
        memory_bytes: Some(64 << 20),
        cpu_millicores: Some(1000),
        pids: Some(16),
        ..Limits::default()
    };
    let machine = Hierarchies::of_this_machine();
    let made = machine.create(&name, &limits).map_err(|error| error.to_string());
    let guarded =
        made.clone().and_then(|cgroup| cgroup.guard_ports(None).map_err(|error| error.to_string()));
    machine.cgroup(&name).destroy(std::time::Duration::from_secs(1));
    (made.map(drop), guarded)
}

fn try_level(exe: &Path, level: Level) -> std::result::Result<(), String> {
    let argument = match level {
        Level::Full => "full",
        Level::UserNamespace => "user-namespace",
    };
    let pipe = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC);
    let (answer, stdout) = pipe.map_err(|error| error.to_string())?;
    let arguments = ["try-sandbox", argument];
    let child = process::spawn_self(exe, &arguments, &Env::default(), vec![(1, stdout)]);
    let child = child.map_err(|error| format!("start {}: {error}", exe.display()))?;
    let said = std::io::read_to_string(std::fs::File::from(answer)).unwrap_or_default();
    match (child.wait(), said.as_str()) {
        (Ok(0), OK) => Ok(()),
        (_, "") => Err("the trial ended without an answer".into()),
        (_, why) => Err(why.to_string()),
    }
}

const OK: &str = "ok";

/// The hidden subcommand `xii try-sandbox LEVEL`: builds a sandbox, runs `true` in it, and
/// says on stdout `ok` or which step failed.
pub fn try_sandbox_main(level: &str) -> ExitCode {
    let level = match level {
        "full" => Level::Full,
        _ => Level::UserNamespace,
    };
    let answer = match try_sandbox(level) {
        Ok(()) => OK.to_string(),
        Err(error) => error.to_string(),
    };
    let _ = std::io::stdout().write_all(answer.as_bytes());
    if answer == OK { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn try_sandbox(level: Level) -> Result<()> {
    // Nobody: a user that surely exists, where we may choose.
    let sandbox = Sandbox {
        level,
        root: Root::Host,
        mounts: Vec::new(),
        user: User { uid: 65_534, gid: 65_534 },
        hostname: "trial".into(),
        cwd: "/".into(),
        limits: Limits::default(),
        cgroup: None,
        guarded: false,
    };
    let pipe = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC);
    let (read, write) = at(pipe, || "make a pipe")?;
    enter::unshare_pids(&sandbox)?;
    if let sys::Fork::Child = at(sys::fork(), || "fork")? {
        let said = match run_true(&sandbox) {
            Ok(()) => OK.to_string(),
            Err(error) => error.to_string(),
        };
        let _ = rustix::io::write(&write, said.as_bytes());
        sys::exit_now(0);
    }
    drop(write);
    let said = at(std::io::read_to_string(std::fs::File::from(read)), || "hear the trial")?;
    let _ = rustix::process::wait(WaitOptions::empty());
    match said.split_once(": ") {
        None if said == OK => Ok(()),
        None => Err(StepError::new("try a sandbox", said)),
        Some((step, cause)) => Err(StepError::new(step, cause)),
    }
}

fn run_true(sandbox: &Sandbox) -> Result<()> {
    let program = Program::new(&["true".to_string()], &Env::default())?;
    let null =
        at(std::fs::File::options().read(true).write(true).open("/dev/null"), || "open /dev/null")?;
    let child = enter::spawn(sandbox, None, &program, [null.as_fd(), null.as_fd(), null.as_fd()])?;
    let error = enter::setup_error(child.setup);
    let _ = rustix::process::wait(WaitOptions::empty());
    match error.as_deref().map(|text| text.split_once(": ").unwrap_or((text, ""))) {
        None => Ok(()),
        Some((step, cause)) => Err(StepError::new(step, cause)),
    }
}
