//! The build phase: a source tree that has arrived → a build, made in the sandbox or found.

use super::{Journal, Platform};
use crate::app::{AppName, DeployRef, Digest, Failure, ManifestTexts, Manifests, ProcessType};
use crate::build::{
    self, Confined, Confinement, Event, Plan, Stop, Tool, Toolchains, Tree, Wish, Workspace,
    build_key,
};
use crate::codebase::Facts;
use crate::keeper::Cancel;
use crate::run::Host;
use crate::sandbox::{Level, User};
use crate::store::BuildRecord;
use jiff::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

/// A build that is on the disk and in the ledger.
pub(super) struct Built {
    pub digest: Digest,
    /// Commands the Procfile need not give.
    pub commands: BTreeMap<ProcessType, String>,
}

/// What is known before anything was fetched.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Planned {
    Ready(Box<Plan>),
    /// The rest can be said when this is here.
    Needs {
        needs: Wish,
    },
}

/// Decides what a build would do; nothing is run.
pub fn plan_build(platform: &Platform, workspace: &Workspace) -> Result<Planned, Failure> {
    let source = workspace.source();
    let manifests = Manifests::parse(&ManifestTexts::read(&source)?)?;
    let available = platform.toolchains.with_fetched(&platform.host().home);
    match build::plan(&Tree::read(&source)?, &manifests, &available) {
        Ok(plan) => Ok(Planned::Ready(Box::new(plan))),
        Err(Stop::Needs(needs)) => Ok(Planned::Needs { needs }),
        Err(Stop::Failed(failure)) => Err(failure),
    }
}

/// Of one plan: more tells of a wish that is fulfilled and made again.
const MOST_WISHES: usize = 8;

/// Plans, and fetches what the plan turns out to need, until nothing is missing.
async fn plan_and_fetch(
    platform: &Platform,
    journal: &Arc<Journal>,
    workspace: &Workspace,
) -> Result<Plan, Failure> {
    for _ in 0..MOST_WISHES {
        let wish = match plan_build(platform, workspace)? {
            Planned::Ready(plan) => return Ok(*plan),
            Planned::Needs { needs } => needs,
        };
        journal.output(format!("-----> fetching {wish}"));
        let (host, journal) = (platform.host().clone(), journal.clone());
        let available = platform.toolchains.with_fetched(&host.home);
        let fetching =
            tokio::task::spawn_blocking(move || fetch(&host, &journal, &wish, available));
        fetching
            .await
            .map_err(|error| Failure::internal("fetching broke off").because(error))??;
    }
    Err(Failure::internal("the plan never has enough"))
}

fn fetch(
    host: &Host,
    journal: &Journal,
    wish: &Wish,
    available: Toolchains,
) -> Result<Tool, Failure> {
    let user = build_user(host)?;
    let user = (host.level == Level::Full).then_some(&user);
    let request = build::Fetch { home: &host.home, wish, available: &available, user };
    build::fetch(&request, &mut |command, line| try_out(host, command, line), &mut |line| {
        journal.output(format!("       {line}"));
    })
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
    let plan = plan_and_fetch(platform, journal, &workspace).await?;
    let key = build_key(&plan, &tree_id(facts));
    if !facts.dirty
        && let Some(known) = host.ledger.build_by_key(&key)?
    {
        // As young as one just made: it is on its way into a release.
        let known = BuildRecord { created_at: Timestamp::now(), ..known };
        host.ledger.record_build(&key, &known)?;
        phase.done(format!("unchanged, {}", known.digest.short()));
        return Ok(Built { digest: known.digest, commands: plan.commands });
    }
    let cancel = Cancel::new()?;
    let work = Work {
        host: host.clone(),
        journal: journal.clone(),
        app: deploy.app.clone(),
        plan: plan.clone(),
        workspace,
        commit_time: facts.commit_time.as_second(),
        cancel: cancel.clone(),
    };
    let mut building = tokio::task::spawn_blocking(move || work.run());
    let finished = tokio::select! {
        finished = &mut building => finished,
        () = journal.cancelled() => {
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

/// Uncommitted edits are in the files but not in the id of the commit's tree: what is built
/// from them must never be found by the tree, nor by the next edits.
fn tree_id(facts: &Facts) -> String {
    match facts.dirty {
        true => format!("{} with edits at {}", facts.tree, Timestamp::now()),
        false => facts.tree.clone(),
    }
}

fn summary(plan: &Plan, made: &build::Build) -> String {
    let cached = made.phases.iter().any(|phase| phase.cached);
    let cached = if cached { ", dependencies unchanged" } else { "" };
    format!("{}{cached}, {}", plan.title(), made.digest.short())
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
    app: AppName,
    plan: Plan,
    workspace: Workspace,
    commit_time: i64,
    cancel: Cancel,
}

impl Work {
    fn run(self) -> Result<build::Build, Failure> {
        let user = build_user(&self.host)?;
        let confinement = confinement(&self.host, &self.app, user.clone(), &self.cancel);
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

/// Tries what the server finds at its start: can this Python make a venv?
pub fn try_out(
    host: &Host,
    command: &Confined,
    line: &mut dyn FnMut(&str),
) -> Result<i32, Failure> {
    let app = "xii".parse().map_err(|error| Failure::internal("`xii` is a name").because(error))?;
    confinement(host, &app, build_user(host)?, &Cancel::new()?).run(
        host.ledger.next_keeper()?,
        command,
        line,
    )
}

fn confinement<'a>(
    host: &'a Host,
    app: &'a AppName,
    user: User,
    cancel: &'a Cancel,
) -> Confinement<'a> {
    Confinement {
        exe: &host.exe,
        home: &host.home,
        app,
        level: host.level,
        user,
        limits: host.limits.then(build::default_limits),
        cancel,
        deadline: Instant::now() + build::TIME_LIMIT,
    }
}
