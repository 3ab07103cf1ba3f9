//! The build phase: a source tree that has arrived → a build, made in the sandbox or found.

use super::{Journal, Platform};
use crate::app::{AppName, DeployRef, Digest, Failure, InstanceId, ManifestTexts, Manifests, ProcessType};
use crate::build::{self, Confined, Event, Plan, Toolchains, Tree, Workspace, build_key};
use crate::codebase::Facts;
use crate::keeper::{self, Cancel, KeeperSpec, Output, Restart, VERSION};
use crate::run::{Host, nonce};
use crate::sandbox::{Env, Level, Limits, Root, Sandbox, User};
use crate::store::BuildRecord;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A build that is on the disk and in the ledger.
pub(super) struct Built {
    pub digest: Digest,
    /// Commands the Procfile need not give.
    pub commands: BTreeMap<ProcessType, String>,
}

const MEMORY: u64 = 4 << 30;
const PIDS: u32 = 1024;
const STOP_WINDOW_MS: u64 = 5_000;

/// Decides what a build would do; nothing is run.
pub fn plan_build(platform: &Platform, workspace: &Workspace) -> Result<Plan, Failure> {
    let source = workspace.source();
    let manifests = Manifests::parse(&ManifestTexts::read(&source)?)?;
    build::plan(&Tree::read(&source)?, &manifests, &platform.toolchains)
}

/// Builds, or finds that the same tree was built the same way before.
pub(super) async fn build(
    platform: &Platform,
    journal: &Arc<Journal>,
    deploy: &DeployRef,
    facts: &Facts,
    workspace: Workspace,
) -> Result<Built, Failure> {
    let host = platform.host();
    let phase = journal.phase("build");
    let plan = plan_build(platform, &workspace)?;
    let key = build_key(&plan, &facts.tree);
    // Uncommitted edits are in the files but not in the tree's id.
    if !facts.dirty
        && let Some(known) = host.ledger.build_by_key(&key)?
    {
        phase.done(format!("unchanged, {}", known.digest.short()));
        return Ok(Built { digest: known.digest, commands: plan.commands });
    }
    let cancelled = Arc::new(AtomicBool::new(false));
    let cancel = Cancel::new()?;
    let work = Work {
        host: host.clone(),
        journal: journal.clone(),
        deploy: deploy.clone(),
        plan: plan.clone(),
        workspace,
        commit_time: facts.commit_time,
        cancelled: cancelled.clone(),
        cancel: cancel.clone(),
    };
    let mut building = tokio::task::spawn_blocking(move || work.run());
    let finished = tokio::select! {
        finished = &mut building => finished,
        () = journal.cancelled() => {
            cancelled.store(true, Ordering::Relaxed);
            cancel.cancel();
            building.await
        }
    };
    let made = finished
        .map_err(|error| Failure::internal("the build was broken off").because(error))??;
    record(host, &key, &deploy.app, facts, &plan, &made)?;
    phase.done(summary(&plan, &made));
    Ok(Built { digest: made.digest, commands: plan.commands })
}

fn summary(plan: &Plan, made: &build::Build) -> String {
    let toolchain = plan.toolchain.as_ref().map(|python| format!(" {}", python.version));
    let cached = made.phases.iter().any(|phase| phase.cached);
    let cached = if cached { ", dependencies unchanged" } else { "" };
    format!("{}{}{cached}, {}", plan.language, toolchain.unwrap_or_default(), made.digest.short())
}

fn record(
    host: &Host,
    key: &Digest,
    app: &AppName,
    facts: &Facts,
    plan: &Plan,
    made: &build::Build,
) -> Result<(), Failure> {
    let plan = serde_json::to_string(plan)
        .map_err(|error| Failure::internal("a build plan cannot be written").because(error))?;
    let record = BuildRecord {
        digest: made.digest,
        app: app.clone(),
        plan,
        stack: "host".to_string(),
        commit: facts.commit.clone(),
        size: made.size,
        created_at: Timestamp::now(),
        pruned_at: None,
        pinned: false,
    };
    host.ledger.record_build(key, &record)
}

/// What the blocking thread of a build owns.
struct Work {
    host: Arc<Host>,
    journal: Arc<Journal>,
    deploy: DeployRef,
    plan: Plan,
    workspace: Workspace,
    commit_time: i64,
    /// Looked at between steps, and the way into the one that runs.
    cancelled: Arc<AtomicBool>,
    cancel: Cancel,
}

impl Work {
    fn run(self) -> Result<build::Build, Failure> {
        let host = self.host.clone();
        let user = build_user(&host)?;
        let (deploy, cancel) = (self.deploy.clone(), self.cancel.clone());
        let mut exec = |command: &Confined, line: &mut dyn FnMut(&str)| {
            confined(&host, &deploy, command, line, &cancel)
        };
        let request = build::Request {
            home: &self.host.home,
            app: &self.deploy.app,
            plan: &self.plan,
            workspace: self.workspace,
            user: (self.host.level == Level::Full).then_some(user),
            source_date_epoch: self.commit_time,
            cancelled: &self.cancelled,
        };
        build::build(&request, &mut exec, &mut |event| say(&self.journal, event))
    }
}

fn say(journal: &Journal, event: Event) {
    match event {
        Event::Started { phase } => journal.output(format!("-----> {phase}")),
        Event::Output { line } => journal.output(format!("       {line}")),
        Event::Warning { text } => journal.warn(text),
        Event::Finished { .. } => {}
    }
}

/// Every build of this home runs as this user; no app does.
fn build_user(host: &Host) -> Result<User, Failure> {
    let uid = host.uid_of("build")?;
    Ok(User { uid, gid: uid })
}

/// Runs one command of a build in the sandbox, tied to this server's life.
fn confined(
    host: &Host,
    deploy: &DeployRef,
    command: &Confined,
    line: &mut dyn FnMut(&str),
    cancel: &Cancel,
) -> Result<i32, Failure> {
    let spec = spec(host, deploy, command)?;
    let record = spec.record.clone();
    let exit = keeper::run_attached(
        &host.exe,
        &spec,
        &mut |_, bytes| line(&String::from_utf8_lossy(bytes)),
        cancel,
    );
    // Only its result is in it, and that is known now.
    let _ = std::fs::remove_file(record);
    Ok(exit?.status())
}

fn spec(host: &Host, deploy: &DeployRef, command: &Confined) -> Result<KeeperSpec, Failure> {
    let keeper = host.ledger.next_keeper()?;
    let process_type = "build"
        .parse()
        .map_err(|error| Failure::internal("`build` is no name").because(error))?;
    Ok(KeeperSpec {
        v: VERSION,
        deploy: deploy.clone(),
        instance: InstanceId { process_type, index: 1, keeper },
        release: None,
        nonce: nonce(),
        port: None,
        socket: host.home.instance_socket(keeper),
        record: host.home.instance_record(keeper),
        sandbox: Sandbox {
            level: host.level,
            root: Root::Host,
            mounts: command.mounts.clone(),
            user: build_user(host)?,
            hostname: "build".to_string(),
            cwd: PathBuf::from(&command.cwd),
            limits: Limits {
                memory_bytes: Some(MEMORY),
                cpu_millicores: None,
                pids: Some(PIDS),
            },
            cgroup: host.cgroup(keeper),
        },
        argv: command.argv.clone(),
        env: Env(command.env.clone()),
        output: Output::Passed,
        restart: Restart::Never,
        stop_window_ms: STOP_WINDOW_MS,
        attached: true,
    })
}
