//! Changes that make no release: scale, restart, stop, start.

use super::measure::Measure;
use super::roll_out::wait;
use super::{Journal, Platform, Receipt};
use crate::app::{DeployRef, Failure, Formation, FormationChange, ProcessType};
use crate::release::{self, Release};
use crate::run;
use crate::store::Scope;
use std::collections::BTreeSet;

/// What is to happen to a deploy's instances.
#[derive(Debug, Clone)]
pub enum Order {
    Scale(Formation),
    Restart(Scope),
    Stop(Scope),
    Start(Scope),
}

impl Order {
    pub fn name(&self) -> &'static str {
        match self {
            Order::Scale(_) => "scale",
            Order::Restart(_) => "restart",
            Order::Stop(_) => "stop",
            Order::Start(_) => "start",
        }
    }

    fn done(&self) -> &'static str {
        match self {
            Order::Scale(_) => "scaled",
            Order::Restart(_) => "restarted",
            Order::Stop(_) => "stopped",
            Order::Start(_) => "started",
        }
    }
}

/// The release that a deploy runs, or an error that says how to get one.
pub fn running_release(platform: &Platform, deploy: &DeployRef) -> Result<Release, Failure> {
    let host = platform.host();
    let current = release::current(&host.ledger, &host.key, deploy)?;
    current.filter(|release| release.build.is_some()).ok_or_else(|| {
        Failure::usage(format!("{deploy} has no code yet")).next("run `xii deploy` in its checkout")
    })
}

/// The process types that can be scaled.
fn types(release: &Release) -> BTreeSet<ProcessType> {
    release.commands.keys().filter(|t| **t != ProcessType::release()).cloned().collect()
}

/// The formation after `web=3`-like changes.
pub fn scaled(
    platform: &Platform,
    deploy: &DeployRef,
    changes: &[FormationChange],
) -> Result<Formation, Failure> {
    let release = running_release(platform, deploy)?;
    formation(platform, deploy, &release)?.apply(changes, &types(&release))
}

/// The counts in force, defaults included.
pub fn formation(
    platform: &Platform,
    deploy: &DeployRef,
    release: &Release,
) -> Result<Formation, Failure> {
    let told = Formation(platform.host().ledger.formation(deploy)?);
    Ok(Formation(types(release).into_iter().map(|t| (t.clone(), run::count(&told, &t))).collect()))
}

/// Refuses a scope that names what the deploy does not have.
pub fn check_scope(platform: &Platform, deploy: &DeployRef, scope: &Scope) -> Result<(), Failure> {
    let release = running_release(platform, deploy)?;
    let formation = formation(platform, deploy, &release)?;
    let (Scope::Type(named) | Scope::Instance(named, _)) = scope else { return Ok(()) };
    let Some(count) = formation.0.get(named) else {
        let known: Vec<_> = formation.0.keys().map(ProcessType::as_str).collect();
        return Err(Failure::usage(format!("{deploy} has no process type `{named}`"))
            .next(format!("it has {}", known.join(", "))));
    };
    match scope {
        Scope::Instance(_, index) if index > count => {
            Err(Failure::usage(format!("{deploy} has no `{scope}`: it runs {named}={count}"))
                .next("`xii ps` lists what runs"))
        }
        _ => Ok(()),
    }
}

/// Remembers the order, then carries it out.
pub async fn carry_out(
    platform: &Platform,
    journal: &Journal,
    deploy: &DeployRef,
    order: &Order,
) -> Result<Receipt, Failure> {
    let measure = Measure::begin(platform, deploy).await;
    let release = running_release(platform, deploy)?;
    remember(platform, deploy, order)?;
    let phase = journal.phase(order.name());
    let runnable = platform.host().runnable(deploy, release.number)?;
    let hold = matches!(order, Order::Restart(_));
    let change = platform.deploys.want(runnable.clone(), hold)?;
    let handle = platform.deploys.of(deploy);
    let ready =
        wait(&handle, change, |view| (view.all_ready(true) && view.all_ready(false)).then_some(()));
    let ready = ready.await;
    // Reached or not: what is replaced is held no longer than somebody waits for it.
    let change = platform.deploys.want(runnable, false)?;
    ready?;
    handle
        .until(change, |view| (view.instances.len() == view.current().count()).then_some(()))
        .await?;
    let running = handle.view().instances.len();
    phase.done(if running == 1 { "1 instance".into() } else { format!("{running} instances") });
    Ok(measure.receipt(platform, journal, order.done(), Vec::new()).await)
}

fn remember(platform: &Platform, deploy: &DeployRef, order: &Order) -> Result<(), Failure> {
    let ledger = &platform.host().ledger;
    match order {
        Order::Scale(formation) => ledger.scale(deploy, &formation.0),
        Order::Restart(scope) => ledger.restart(deploy, scope).map(drop),
        Order::Stop(scope) => ledger.stop(deploy, scope),
        Order::Start(scope) => ledger.start(deploy, scope),
    }
}
