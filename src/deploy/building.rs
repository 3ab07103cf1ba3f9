//! The build phase: a source tree that has arrived → a build, made in the sandbox or found.

use super::planning::plan_and_fetch;
use super::{Journal, Platform};
use crate::app::{AppName, DeployRef, Digest, Failure, ManifestTexts, Manifests, ProcessType};
use crate::build::{self, Bounds, Confined, Confinement, Event, Plan, Workspace, build_key};
use crate::codebase::Facts;
use crate::keeper::Cancel;
use crate::release::{self, Stack};
use crate::run::Host;
use crate::sandbox::{Level, User};
use crate::store::BuildRecord;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

/// A build that is on the disk and in the ledger.
pub(super) struct Built {
    pub digest: Digest,
    /// What it runs on.
    pub stack: Stack,
    /// Commands the Procfile need not give.
    pub commands: BTreeMap<ProcessType, String>,
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
    let plan = plan_and_fetch(platform, journal, &deploy.deploy, &workspace).await?;
    let key = build_key(&plan, &tree_id(facts));
    if !facts.dirty
        && let Some(known) = host.ledger.build_by_key(&key)?
        && is_whole(host, journal, known.digest).await?
    {
        // As young as one just made: it is on its way into a release.
        let known = BuildRecord { created_at: Timestamp::now(), ..known };
        host.ledger.record_build(&key, &known)?;
        phase.done(format!("unchanged, {}", known.digest.short()));
        return Ok(Built { digest: known.digest, stack: stack(&plan), commands: plan.commands });
    }
    let like = release::head(&host.ledger, &host.key, deploy)?.and_then(|head| head.build);
    let source = (workspace, like);
    let made = make(host, journal, &deploy.app, &plan, facts, source).await?;
    record(host, &key, &deploy.app, facts, &plan, &made)?;
    phase.done(summary(&plan, &made));
    Ok(Built { digest: made.digest, stack: stack(&plan), commands: plan.commands })
}

/// A build that was damaged since is made again.
async fn is_whole(
    host: &Arc<Host>,
    journal: &Arc<Journal>,
    build: Digest,
) -> Result<bool, Failure> {
    let home = host.home.clone();
    let checked = tokio::task::spawn_blocking(move || build::check_build(&home, &build)).await;
    let checked = checked.map_err(|error| Failure::internal("a check broke off").because(error))?;
    if let Err(failure) = &checked {
        journal.warn(format!("{failure}; it is built again"));
    }
    Ok(checked.is_ok())
}

/// Runs the plan; `app` is whose caches it uses. Beside the source, the build before it.
pub(super) async fn make(
    host: &Arc<Host>,
    journal: &Arc<Journal>,
    app: &AppName,
    plan: &Plan,
    facts: &Facts,
    (workspace, like): (Workspace, Option<Digest>),
) -> Result<build::Build, Failure> {
    let manifests = Manifests::parse(&ManifestTexts::read(&workspace.source())?)?;
    let cancel = Cancel::new()?;
    let work = Work {
        host: host.clone(),
        journal: journal.clone(),
        app: app.clone(),
        plan: plan.clone(),
        bounds: Bounds::of(&manifests.settings.build),
        workspace,
        like,
        commit_time: facts.commit_time.as_second(),
        cancel: cancel.clone(),
    };
    blocking(journal, &cancel, move || work.run()).await
}

/// On a thread that may wait; when the operation is cancelled, so is what runs there.
pub(super) async fn blocking<T: Send + 'static>(
    journal: &Journal,
    cancel: &Cancel,
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let mut working = tokio::task::spawn_blocking(work);
    let finished = tokio::select! {
        finished = &mut working => finished,
        () = journal.cancelled() => {
            cancel.cancel();
            working.await
        }
    };
    finished.map_err(|error| Failure::internal("the build was broken off").because(error))?
}

fn stack(plan: &Plan) -> Stack {
    Stack { name: plan.stack.name().to_string(), fingerprint: plan.stack.fingerprint() }
}

/// Uncommitted edits are in the files but not in the id of the commit's tree: what is built
/// from them must never be found by the tree, nor by the next edits.
pub(super) fn tree_id(facts: &Facts) -> String {
    match facts.dirty {
        true => format!("{} with edits at {}", facts.tree, Timestamp::now()),
        false => facts.tree.clone(),
    }
}

fn summary(plan: &Plan, made: &build::Build) -> String {
    let cached =
        made.phases.iter().any(|phase| phase.cached && phase.name.starts_with("dependencies"));
    let cached = if cached { ", dependencies unchanged" } else { "" };
    format!("{}{cached}, {}", plan.title(), made.digest.short())
}

pub(super) fn record(
    host: &Host,
    key: &Digest,
    app: &AppName,
    facts: &Facts,
    plan: &Plan,
    made: &build::Build,
) -> Result<(), Failure> {
    let text = serde_json::to_string(plan)
        .map_err(|error| Failure::internal("a build plan cannot be written").because(error))?;
    let record = BuildRecord {
        digest: made.digest,
        app: app.clone(),
        plan: text,
        stack: plan.stack.name().to_string(),
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
    app: AppName,
    plan: Plan,
    bounds: Bounds,
    workspace: Workspace,
    like: Option<Digest>,
    commit_time: i64,
    cancel: Cancel,
}

impl Work {
    fn run(self) -> Result<build::Build, Failure> {
        let user = build_user(&self.host, Some(&self.app))?;
        let bounds = self.bounds.clone();
        let confinement = confinement(&self.host, &self.app, user.clone(), bounds, &self.cancel);
        let mut exec = |command: &Confined, line: &mut dyn FnMut(&str)| {
            confinement.run(self.host.ledger.next_keeper()?, command, line)
        };
        let request = build::Request {
            home: &self.host.home,
            app: &self.app,
            plan: &self.plan,
            workspace: self.workspace,
            user: (self.host.level == Level::Full).then_some(user),
            source_date_epoch: self.commit_time,
            cancel: &self.cancel,
            like: self.like,
        };
        build::open_cache(&self.host.home, &self.app)?;
        let built = build::build(&request, &mut exec, &mut |event| say(&self.journal, event));
        // A build that failed may have filled it just as well.
        let most = build::MOST_CACHE.min(self.bounds.disk_bytes / 2);
        match build::trim_cache(&self.host.home, &self.app, most) {
            Ok(gone) if gone.is_empty() => {}
            Ok(gone) => self.journal.note(format!("emptied too large caches: {}", gone.join(", "))),
            Err(failure) => self.journal.warn(format!("the cache is not trimmed: {failure}")),
        }
        built
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

/// Builds of one app run as a user of their own, which no app and no other app's build is.
/// What is made for all apps is made as a user whom nothing else runs as.
pub(super) fn build_user(host: &Host, app: Option<&AppName>) -> Result<User, Failure> {
    let uid = match app {
        Some(app) => host.uid_of(&format!("build:{app}"))?,
        None => host.uid_of("build")?,
    };
    Ok(User { uid, gid: uid })
}

/// Tries what the server finds at its start: can this Python make a venv?
pub(super) fn try_out(
    host: &Host,
    command: &Confined,
    line: &mut dyn FnMut(&str),
) -> Result<i32, Failure> {
    for_all_apps(host, command, &Cancel::new()?, line)
}

/// Runs a command whose results every app may use.
pub(super) fn for_all_apps(
    host: &Host,
    command: &Confined,
    cancel: &Cancel,
    line: &mut dyn FnMut(&str),
) -> Result<i32, Failure> {
    let app = "xii".parse().map_err(|error| Failure::internal("`xii` is a name").because(error))?;
    let user = build_user(host, None)?;
    let confinement = confinement(host, &app, user, Bounds::default(), cancel);
    confinement.run(host.ledger.next_keeper()?, command, line)
}

fn confinement<'a>(
    host: &'a Host,
    app: &'a AppName,
    user: User,
    bounds: Bounds,
    cancel: &'a Cancel,
) -> Confinement<'a> {
    Confinement {
        exe: &host.exe,
        home: &host.home,
        app,
        level: host.level,
        user,
        limits: host.limits.then(|| bounds.limits()),
        guarded: host.guards_ports,
        cancel,
        deadline: Instant::now() + bounds.time,
        bounds,
    }
}
