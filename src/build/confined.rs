//! The real thing behind [`Exec`]: a keeper of its own for each step, attached, so that a
//! server that dies takes its builds with it.

use super::exec::Confined;
use crate::app::{AppName, DeployName, DeployRef, Failure, InstanceId, ProcessType};
use crate::keeper::{Cancel, KeeperSpec, Output, Restart, VERSION, run_attached};
use crate::sandbox::{Env, Level, Limits, Root, Sandbox, User};
use crate::store::Home;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::{Duration, Instant};

/// A whole build may take this long.
pub const TIME_LIMIT: Duration = Duration::from_secs(30 * 60);
const MOST_PROCESSES: u32 = 4096;
const MOST_MEMORY: u64 = 4 << 30;
/// From the wish to end to the end.
const STOP_WINDOW_MS: u64 = 5_000;

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
    pub cancel: &'a Cancel,
    /// When the whole build has to be over.
    pub deadline: Instant,
}

/// Three quarters of the machine's memory, 4 GiB at most; the running apps keep the rest.
pub fn default_limits() -> Limits {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let total = text.lines().find_map(|line| {
        line.strip_prefix("MemTotal:")?.split_whitespace().next()?.parse::<u64>().ok()
    });
    let memory = total.map_or(MOST_MEMORY, |kib| (kib * 1024 / 4 * 3).min(MOST_MEMORY));
    Limits { memory_bytes: Some(memory), cpu_millicores: None, pids: Some(MOST_PROCESSES) }
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
        let late = AtomicBool::new(false);
        let exit = std::thread::scope(|scope| {
            let late = &late;
            scope.spawn(move || {
                let left = self.deadline.saturating_duration_since(Instant::now());
                if wait.recv_timeout(left) == Err(RecvTimeoutError::Timeout) {
                    late.store(true, Ordering::Relaxed);
                    self.cancel.cancel();
                }
            });
            let mut each =
                |_, bytes: &[u8]| line(String::from_utf8_lossy(bytes).trim_end_matches('\r'));
            let exit = run_attached(self.exe, &spec, &mut each, self.cancel);
            drop(done);
            exit
        })?;
        if late.load(Ordering::Relaxed) {
            let minutes = TIME_LIMIT.as_secs() / 60;
            return Err(Failure::app(format!("the build took longer than {minutes} minutes")));
        }
        if let Some(reason) = &exit.reason {
            line(reason);
        }
        if exit.oom {
            line("the kernel ended it: the build's memory limit was reached");
        }
        Ok(exit.status())
    }

    fn spec(&self, number: u64, command: &Confined) -> Result<KeeperSpec, Failure> {
        let random =
            getrandom::u64().map_err(|error| Failure::platform("no randomness").because(error))?;
        let deploy = DeployRef { app: self.app.clone(), deploy: DeployName::production() };
        let home = self.home.id();
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
                root: Root::Host,
                mounts: command.mounts.clone(),
                user: self.user.clone(),
                hostname: "build".to_string(),
                cwd: command.cwd.clone(),
                limits: self.limits.clone().unwrap_or_default(),
                cgroup: limited.then(|| format!("xii-{home}/{number}")),
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

fn build_type() -> Result<ProcessType, Failure> {
    "build".parse().map_err(|error| Failure::internal("`build` is a process type").because(error))
}
