//! Reads: straight from the ledger and the runners' views.

use super::answer::{Answer, Named, Refusal};
use super::api::{
    AppSummary, Config, DeployInfo, Health, InstanceStatus, NotStarted, Processes, ReleaseDiff,
    ReleaseInfo, Verified,
};
use super::http::Api;
use crate::app::{AppName, DeployName, DeployRef, Failure, ReleaseNumber};
use crate::deploy;
use crate::release::{self, Release, Status};
use crate::run::{InstanceView, State, View};
use crate::sandbox::cgroup::Hierarchies;
use crate::store::DeployRecord;
use axum::Json;
use axum::extract::{Path, Query, State as Shared};
use serde::Deserialize;
use std::collections::BTreeMap;

pub async fn health(Shared(api): Shared<Api>) -> Json<Health> {
    let host = api.platform.host();
    Json(Health {
        version: env!("CARGO_PKG_VERSION").to_string(),
        pid: std::process::id(),
        home: host.home.dir().display().to_string(),
        home_id: host.home.id().to_string(),
        http: format!("http://{}", host.addressing.http),
        base_domain: host.addressing.base_domain.clone(),
        isolation: api.isolation.to_string(),
    })
}

pub async fn apps(Shared(api): Shared<Api>) -> Answer<Vec<AppSummary>> {
    let ledger = &api.platform.host().ledger;
    let mut deploys: BTreeMap<AppName, Vec<DeployName>> = BTreeMap::new();
    for record in ledger.deploys()? {
        deploys.entry(record.deploy.app).or_default().push(record.deploy.deploy);
    }
    let summary = |app: crate::store::AppRecord| AppSummary {
        deploys: deploys.remove(&app.name).unwrap_or_default(),
        app: app.name,
        roots: app.roots,
        subdir: Some(app.subdir).filter(|subdir| !subdir.is_empty()),
        created_at: app.created_at,
    };
    Ok(Json(ledger.apps()?.into_iter().map(summary).collect()))
}

#[derive(Deserialize)]
pub struct OfApp {
    app: Option<AppName>,
}

pub async fn deploys(Shared(api): Shared<Api>, Query(of): Query<OfApp>) -> Answer<Vec<DeployInfo>> {
    let ledger = &api.platform.host().ledger;
    let records = match &of.app {
        Some(app) => ledger.deploys_of(app)?,
        None => ledger.deploys()?,
    };
    Ok(Json(records.iter().map(|record| describe(&api, record)).collect::<Result<_, _>>()?))
}

pub async fn info(Shared(api): Shared<Api>, Named(deploy): Named) -> Answer<DeployInfo> {
    let record = api.platform.host().ledger.expect_deploy(&deploy)?;
    Ok(Json(describe(&api, &record)?))
}

pub fn describe(api: &Api, record: &DeployRecord) -> Result<DeployInfo, Failure> {
    let host = api.platform.host();
    let current = release::current(&host.ledger, &host.key, &record.deploy)?;
    let view = api.platform.deploys.of(&record.deploy).view();
    let commit = current.as_ref().and_then(|release| release.commit.as_ref());
    Ok(DeployInfo {
        deploy: record.deploy.clone(),
        url: host.addressing.url(&record.deploy),
        release: current.as_ref().map(|release| release.number),
        commit: commit.map(|commit| commit.id.clone()),
        subject: commit.map(|commit| commit.subject.clone()),
        released_at: current.as_ref().map(|release| release.created_at),
        stack: current.as_ref().map_or("host".to_string(), |release| release.stack.name.clone()),
        formation: formation(api, &record.deploy, current.as_ref())?,
        commands: commands(current.as_ref()),
        state: state(current.as_ref(), &view).to_string(),
        created_at: record.created_at,
        operation: api.operations.holder(&record.deploy).map(|id| id.to_string()),
    })
}

fn formation(
    api: &Api,
    deploy: &DeployRef,
    release: Option<&Release>,
) -> Result<BTreeMap<String, u32>, Failure> {
    let Some(release) = release else { return Ok(BTreeMap::new()) };
    let formation = deploy::formation(&api.platform, deploy, release)?;
    Ok(formation.0.into_iter().map(|(name, count)| (name.to_string(), count)).collect())
}

fn commands(release: Option<&Release>) -> BTreeMap<String, String> {
    let commands = release.into_iter().flat_map(|release| release.commands.clone());
    commands.map(|(name, command)| (name.to_string(), command)).collect()
}

/// A deploy's state in one word.
fn state(release: Option<&Release>, view: &View) -> &'static str {
    let is = |state: State| view.instances.iter().any(|instance| instance.state == state);
    match release.and_then(|release| release.build) {
        None => "empty",
        Some(_) if is(State::Crashed) || !view.start_failures.is_empty() => "crashed",
        Some(_) if is(State::Starting) => "starting",
        Some(_) if is(State::Ready) => "up",
        Some(_) => "stopped",
    }
}

pub async fn processes(Shared(api): Shared<Api>, Named(deploy): Named) -> Answer<Processes> {
    let host = api.platform.host();
    host.ledger.expect_deploy(&deploy)?;
    let current = release::current(&host.ledger, &host.key, &deploy)?;
    let view = api.platform.deploys.of(&deploy).view();
    let hierarchies = Hierarchies::of_this_machine();
    let mut instances = Vec::new();
    for instance in &view.instances {
        let mut status = status(instance, &view);
        status.in_flight = in_flight(&api, instance).await;
        status.memory_bytes = host
            .cgroup(instance.id.keeper)
            .map(|name| hierarchies.cgroup(&name).memory_bytes())
            .filter(|bytes| *bytes > 0);
        instances.push(status);
    }
    Ok(Json(Processes {
        formation: formation(&api, &deploy, current.as_ref())?,
        commands: commands(current.as_ref()),
        deploy,
        isolation: api.isolation.to_string(),
        instances,
        not_started: not_started(&view),
    }))
}

fn not_started(view: &View) -> Vec<NotStarted> {
    let failed = view.start_failures.iter().map(|((process_type, index), not)| NotStarted {
        name: format!("{process_type}.{index}"),
        failure: not.failure.clone(),
        retry_at: not.retry_at,
    });
    failed.collect()
}

async fn in_flight(api: &Api, instance: &InstanceView) -> u64 {
    if instance.port.is_none() {
        return 0;
    }
    let client = &api.platform.host().routes.client;
    client.in_flight(&instance.id.to_string()).await.map_or(0, |at| at.requests + at.websockets)
}

fn status(instance: &InstanceView, view: &View) -> InstanceStatus {
    let routed = view.table.contains(&instance.id.keeper);
    let state = match instance.state {
        State::Starting => "starting",
        State::Ready if instance.port.is_some() && !routed => "draining",
        State::Ready => "up",
        State::Crashed => "crashed",
        State::Stopping => "stopping",
    };
    InstanceStatus {
        name: instance.id.name(),
        release: instance.release,
        state: state.to_string(),
        detail: detail(instance),
        since: instance.since,
        port: instance.port,
        pid: u32::try_from(instance.pid).ok(),
        keeper: instance.id.keeper,
        restarts: u32::try_from(instance.restarts).unwrap_or(u32::MAX),
        memory_bytes: None,
        in_flight: 0,
    }
}

/// `restarting in 18s (4th time): exit 1`
fn detail(instance: &InstanceView) -> Option<String> {
    let exit = instance.last_exit.clone();
    match (instance.state, instance.restarting_at) {
        (State::Crashed, Some(at)) => {
            let seconds = at.duration_since(jiff::Timestamp::now()).as_secs().max(0);
            let times = crate::keeper::ordinal(instance.restarts);
            Some(format!("restarting in {seconds}s ({times} time): {}", exit.unwrap_or_default()))
        }
        (State::Crashed, None) => exit,
        (State::Starting, _) => instance.failure.as_ref().map(|failure| failure.message.clone()),
        _ => None,
    }
}

#[derive(Deserialize)]
pub struct Reveal {
    #[serde(default)]
    reveal: bool,
}

pub async fn config(
    Shared(api): Shared<Api>,
    Named(deploy): Named,
    Query(how): Query<Reveal>,
) -> Answer<Config> {
    let host = api.platform.host();
    host.ledger.expect_deploy(&deploy)?;
    let head = release::head(&host.ledger, &host.key, &deploy)?;
    let mut values = BTreeMap::new();
    if let Some(head) = &head {
        let snapshot = head.open_config(&host.key)?;
        for (name, value) in &snapshot.0 {
            values.insert(name.to_string(), how.reveal.then(|| value.reveal().clone()));
        }
    }
    Ok(Json(Config { deploy, release: head.map(|head| head.number), values }))
}

#[derive(Deserialize)]
pub struct Last {
    /// All, unless it is said how many.
    last: Option<u32>,
}

pub async fn releases(
    Shared(api): Shared<Api>,
    Named(deploy): Named,
    Query(Last { last }): Query<Last>,
) -> Answer<Vec<ReleaseInfo>> {
    let ledger = &api.platform.host().ledger;
    let current = ledger.expect_deploy(&deploy)?.current;
    let releases = match last {
        Some(last) => release::recent(ledger, &deploy, last)?,
        None => release::list(ledger, &deploy)?,
    };
    Ok(Json(releases.into_iter().map(|release| summary(release, current)).collect()))
}

pub async fn release(
    Shared(api): Shared<Api>,
    Path((_, _, number)): Path<(String, String, String)>,
    Named(deploy): Named,
) -> Answer<ReleaseInfo> {
    let number: ReleaseNumber = number.parse().map_err(Failure::usage)?;
    let current = api.platform.host().ledger.expect_deploy(&deploy)?.current;
    Ok(Json(summary(find(&api, &deploy, number)?, current)))
}

fn find(api: &Api, deploy: &DeployRef, number: ReleaseNumber) -> Result<Release, Failure> {
    let host = api.platform.host();
    release::get(&host.ledger, &host.key, deploy, number)?.ok_or_else(|| {
        Failure::usage(format!("{deploy} has no release {number}"))
            .next("`xii releases` lists them")
    })
}

fn summary(release: Release, current: Option<ReleaseNumber>) -> ReleaseInfo {
    let (status, why_failed) = match release.status {
        Status::Pending => ("pending", None),
        Status::Active => ("active", None),
        Status::Failed { why } => ("failed", Some(why)),
    };
    let commit = release.commit;
    ReleaseInfo {
        number: release.number,
        current: current == Some(release.number),
        status: status.to_string(),
        why_failed,
        reason: match (&release.reason, &commit) {
            (release::Reason::Deploy, Some(commit)) => {
                let short: String = commit.id.chars().take(7).collect();
                format!("deploy {short}{}", if commit.dirty { " + uncommitted edits" } else { "" })
            }
            (reason, _) => reason.to_string(),
        },
        by: release.created_by,
        created_at: release.created_at,
        build: release.build.map(|digest| digest.to_string()),
        stack: release.stack.name,
        subject: commit.as_ref().map(|commit| commit.subject.clone()),
        branch: commit.as_ref().and_then(|commit| commit.branch.clone()),
        dirty: commit.as_ref().is_some_and(|commit| commit.dirty),
        commit: commit.map(|commit| commit.id),
        config_names: release.config.names().map(ToString::to_string).collect(),
        commands: release.commands.into_iter().map(|(k, v)| (k.to_string(), v)).collect(),
    }
}

#[derive(Deserialize)]
pub struct FromTo {
    from: ReleaseNumber,
    to: ReleaseNumber,
}

pub async fn release_diff(
    Shared(api): Shared<Api>,
    Named(deploy): Named,
    Query(FromTo { from, to }): Query<FromTo>,
) -> Answer<ReleaseDiff> {
    let (old, new) = (find(&api, &deploy, from)?, find(&api, &deploy, to)?);
    Ok(Json(ReleaseDiff { from, to, lines: release::diff(&old, &new).lines() }))
}

pub async fn verify(
    Shared(api): Shared<Api>,
    Named(deploy): Named,
) -> Result<Json<Verified>, Refusal> {
    let host = api.platform.host();
    let verdict = release::verify(&host.ledger, &host.key, &deploy)?;
    let mut problems: Vec<String> = verdict.broken.iter().map(ToString::to_string).collect();
    let (builds, damaged) = deploy::damaged_builds(&api.platform, &deploy).await?;
    problems.extend(damaged);
    Ok(Json(Verified { releases: verdict.releases as u64, builds, problems }))
}
