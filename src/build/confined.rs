//! The real thing behind [`Exec`]: a keeper of its own for each step, attached, so that a
//! server that dies takes its builds with it.

use super::bounds::Bounds;
use super::disk::{self, DiskWatch, Used};
use super::exec::Confined;
use crate::app::{
    AppName, DeployName, DeployRef, Failure, InstanceId, ProcessType, format_duration,
};
use crate::keeper::{Cancel, KeeperSpec, Output, Restart, VERSION, run_attached};
use crate::sandbox::cgroup::Hierarchies;
use crate::sandbox::{Env, Level, Limits, Mount, Sandbox, User};
use crate::store::Home;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Instant;

/// From the wish to end to the end.
const STOP_WINDOW_MS: u64 = 5_000;
const LONGEST_LINE: usize = 4096;

/// Where and as whom the steps of builds run.
#[derive(Debug)]
pub struct Confinement<'a> {
    /// This program: it is started again as the keeper.
    pub exe: &'a Path,
    pub home: &'a Home,
    pub app: &'a AppName,
    pub level: Level,
    pub user: User,
    /// `None` where the machine offers none.
    pub limits: Option<Limits>,
    pub guarded: bool,
    pub bounds: Bounds,
    pub cancel: &'a Cancel,
    /// When the whole build has to be over.
    pub deadline: Instant,
}

impl Confinement<'_> {
    /// Runs one command as keeper `number`, a fresh one from the ledger.
    pub fn run(
        &self,
        number: u64,
        command: &Confined,
        line: &mut dyn FnMut(&str),
    ) -> Result<i32, Failure> {
        let spec = self.spec(number, command)?;
        let (done, wait) = channel::<()>();
        let (exit, ended) = std::thread::scope(|scope| {
            let spec = &spec;
            let watch = move || self.watch(wait, command, spec);
            let watching = std::thread::Builder::new().spawn_scoped(scope, watch);
            let watching = watching.map_err(|error| {
                Failure::platform("cannot start a thread for a build").because(error)
            })?;
            let mut each = |_, bytes: &[u8]| line(&shown(bytes));
            let exit = run_attached(self.exe, spec, &mut each, self.cancel);
            drop(done);
            Ok::<_, Failure>((exit, watching.join()))
        })?;
        let ended = ended.map_err(|_| Failure::internal("watching a build broke off"))?;
        let exit = match ended {
            Some(failure) => return Err(failure),
            None => exit?,
        };
        if let Some(why) = exit.unmade() {
            return Err(Failure::platform("a step of the build could not be started").why(why));
        }
        if let Some(reason) = &exit.reason {
            line(reason);
        }
        if exit.oom {
            line("the kernel ended it: the build's memory limit was reached");
        }
        Ok(exit.status())
    }

    /// Ends the step when it takes more than it may, and says why. Over when `done` is closed.
    fn watch(&self, done: Receiver<()>, command: &Confined, spec: &KeeperSpec) -> Option<Failure> {
        let written = command.mounts.iter().filter_map(|mount| match mount {
            Mount::ReadWrite { source, .. } => Some(source.clone()),
            _ => None,
        });
        let most = Used { bytes: self.bounds.disk_bytes, files: self.bounds.files };
        let written: Vec<_> = written.collect();
        // Who may write nothing fills no disk, and is let run on a full one.
        let writes = !written.is_empty();
        let mut disk = DiskWatch::new(self.home.dir(), written, most);
        loop {
            let left = self.deadline.saturating_duration_since(Instant::now());
            if done.recv_timeout(left.min(disk::EACH)) != Err(RecvTimeoutError::Timeout) {
                return None;
            }
            let late = Instant::now() >= self.deadline;
            let why = match late {
                true => Some(self.too_long()),
                false => writes.then(|| disk.look()).flatten(),
            };
            if why.is_some() {
                // At once: in a stop window it could go on filling the disk.
                if let Some(name) = &spec.sandbox.cgroup {
                    Hierarchies::of_this_machine().cgroup(name).kill();
                }
                self.cancel.cancel();
                return why;
            }
        }
    }

    fn too_long(&self) -> Failure {
        let limit = format_duration(self.bounds.time.as_millis() as u64);
        Failure::app(format!("the build was ended: it took longer than {limit}"))
            .next("allow more in xii.toml: `[build]`, then `timeout = \"45m\"`")
    }

    fn spec(&self, number: u64, command: &Confined) -> Result<KeeperSpec, Failure> {
        let random =
            getrandom::u64().map_err(|error| Failure::platform("no randomness").because(error))?;
        let deploy = DeployRef { app: self.app.clone(), deploy: DeployName::production() };
        let limited = self.level == Level::Full && self.limits.is_some();
        Ok(KeeperSpec {
            v: VERSION,
            deploy,
            instance: InstanceId { process_type: build_type()?, index: 1, keeper: number },
            release: None,
            nonce: format!("{random:016x}"),
            port: None,
            socket: self.home.instance_socket(number),
            record: self.home.instance_record(number),
            sandbox: Sandbox {
                level: self.level,
                root: command.root.clone(),
                mounts: command.mounts.clone(),
                user: self.user.clone(),
                hostname: "build".to_string(),
                cwd: command.cwd.clone(),
                limits: self.limits.clone().unwrap_or_default(),
                cgroup: limited.then(|| format!("{}/{number}", self.home.cgroup())),
                guarded: self.guarded,
            },
            argv: command.argv.clone(),
            env: Env(command.env.clone()),
            output: Output::Passed,
            restart: Restart::Never,
            stop_window_ms: STOP_WINDOW_MS,
            attached: true,
        })
    }
}

/// A line as it is told on; a build may print anything, but nobody reads a page in one line.
fn shown(bytes: &[u8]) -> String {
    let whole = String::from_utf8_lossy(&bytes[..bytes.len().min(LONGEST_LINE)]);
    let text = whole.trim_end_matches('\r');
    match bytes.len() > LONGEST_LINE {
        true => format!("{text}… ({} bytes more)", bytes.len() - LONGEST_LINE),
        false => text.to_string(),
    }
}

fn build_type() -> Result<ProcessType, Failure> {
    "build".parse().map_err(|error| Failure::internal("`build` is a process type").because(error))
}
