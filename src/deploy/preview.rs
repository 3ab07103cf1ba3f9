//! `--plan`: what a change would do, in the planner's own words. Nothing is done.

use super::declared::lacking_for;
use super::planning::Planned;
use super::{Order, Platform};
use crate::app::{DeployRef, Failure, InstanceId, Manifests, ProcessType, ReleaseNumber};
use crate::release::{self, Release};
use crate::run::{self, Action, Desired, Observed, Orders, Seen, State, View};
use crate::store::Scope;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// The process actions of an order.
pub fn preview(
    platform: &Platform,
    deploy: &DeployRef,
    order: &Order,
) -> Result<Vec<String>, Failure> {
    let release = super::formation::wanted_release(platform, deploy, order)?;
    let mut orders = platform.deploys.orders(deploy)?;
    obey(&mut orders, order);
    let runnable = platform.host().runnable(deploy, release.number)?;
    let desired = run::desired(&runnable, &orders);
    Ok(actions(platform, deploy, &orders, desired))
}

fn obey(orders: &mut Orders, order: &Order) {
    match order {
        Order::Scale(formation) => orders.formation = formation.clone(),
        Order::Restart(scope) => _ = orders.restarts.insert(scope.clone(), u64::MAX),
        Order::Stop(scope) => _ = orders.stopped.insert(scope.clone()),
        Order::Start(scope) => {
            orders.stopped.retain(|stopped| stopped != scope && *scope != Scope::Deploy)
        }
    }
}

/// The process actions of a release with these commands.
pub fn preview_release(
    platform: &Platform,
    deploy: &DeployRef,
    like: &Release,
    next: ReleaseNumber,
) -> Result<Vec<String>, Failure> {
    let orders = platform.deploys.orders(deploy)?;
    let runnable = platform.host().runnable(deploy, like.number)?;
    let desired = Desired { release: Some(next), ..run::desired(&runnable, &orders) };
    let mut lines = actions(platform, deploy, &orders, desired);
    if let Some(command) = like.commands.get(&ProcessType::release()) {
        lines.insert(0, format!("release phase: {command}"));
    }
    Ok(lines)
}

/// What a deploy of this tree would do.
pub fn preview_deploy(
    platform: &Platform,
    deploy: &DeployRef,
    planned: &Planned,
    manifests: &Manifests,
) -> Result<Vec<String>, Failure> {
    let (mut lines, mut commands) = match planned {
        Planned::Ready(plan) => {
            let stages = plan.stages.iter().map(|stage| stage.name.clone());
            let names = [plan.title()].into_iter().chain(stages);
            (names.map(|name| format!("build: {name}")).collect(), plan.commands.clone())
        }
        Planned::Needs { needs } => (vec![format!("fetch: {needs}")], BTreeMap::new()),
        Planned::NeedsStack { needs_stack } => {
            (vec![format!("make the stack: {needs_stack}")], BTreeMap::new())
        }
    };
    commands.extend(manifests.commands.clone());
    lines.extend(preview_code(platform, deploy, "", &commands, manifests)?);
    Ok(lines)
}

/// What a promote of this release to another deploy would do.
pub fn preview_promote(
    platform: &Platform,
    to: &DeployRef,
    source: &Release,
) -> Result<Vec<String>, Failure> {
    let manifests = Manifests::parse(&source.manifests)?.for_deploy(&to.deploy);
    let what = format!(": build and commands of {} {}", source.deploy, source.number);
    preview_code(platform, to, &what, &source.commands, &manifests)
}

/// What a release of new code does in a deploy, which need not exist.
fn preview_code(
    platform: &Platform,
    deploy: &DeployRef,
    what: &str,
    commands: &BTreeMap<ProcessType, String>,
    manifests: &Manifests,
) -> Result<Vec<String>, Failure> {
    let exists = platform.host().ledger.deploy(deploy)?.is_some();
    let (next, orders) = match exists {
        true => (
            release::next_number(&platform.host().ledger, deploy)?,
            platform.deploys.orders(deploy)?,
        ),
        false => (
            ReleaseNumber(1),
            Orders { formation: manifests.first_formation(), ..Orders::default() },
        ),
    };
    let mut lines = vec![format!("release {next}{what}")];
    lines.extend(lacking_for(platform, deploy, manifests)?.1.lines());
    if let Some(command) = commands.get(&ProcessType::release()) {
        lines.push(format!("release phase: {command}"));
    }
    let desired = run::desired_of(next, commands, &manifests.settings, &orders);
    lines.extend(actions(platform, deploy, &orders, desired));
    if let Some(command) = &manifests.app_json.postdeploy
        && !super::postdeploy::is_over(platform, deploy)?
    {
        lines.push(format!("postdeploy: {command}"));
    }
    Ok(lines)
}

/// Plays the planner against a world in which everything goes well.
fn actions(
    platform: &Platform,
    deploy: &DeployRef,
    orders: &Orders,
    mut desired: Desired,
) -> Vec<String> {
    let view = platform.deploys.of(deploy).view();
    let mut world = observed(&view);
    let replace = world.instances.iter().filter(|seen| run::is_to_replace(orders, &seen.id));
    desired.replace = replace.map(|seen| seen.id.keeper).collect();
    let mut lines = Vec::new();
    for _round in 0..MOST_ROUNDS {
        let actions = run::plan(&desired, &world, Timestamp::now());
        if actions.is_empty() {
            break;
        }
        for action in actions {
            lines.push(say(&world, &action));
            apply(&mut world, action);
        }
    }
    lines
}

const MOST_ROUNDS: usize = 16;

fn observed(view: &View) -> Observed {
    let seen = |instance: &run::InstanceView| Seen {
        id: instance.id.clone(),
        release: instance.release,
        state: instance.state,
        drained: !view.table.contains(&instance.id.keeper),
    };
    Observed {
        instances: view.instances.iter().map(seen).collect(),
        table: view.table.clone(),
        ..Observed::default()
    }
}

fn say(world: &Observed, action: &Action) -> String {
    match action {
        Action::Start { process_type, index, release } => {
            format!("start {process_type}.{index} on {release}")
        }
        Action::Stop(id) => format!("stop {}{}", id.name(), release_of(world, id)),
        Action::Route(keepers) => {
            let to = world.instances.iter().filter(|seen| keepers.contains(&seen.id.keeper));
            let names: BTreeSet<String> =
                to.map(|seen| format!("{} on {}", seen.id.name(), seen.release)).collect();
            match names.is_empty() {
                true => "route nothing".to_string(),
                false => format!("route {}", names.into_iter().collect::<Vec<_>>().join(", ")),
            }
        }
    }
}

fn release_of(world: &Observed, id: &InstanceId) -> String {
    let seen = world.instances.iter().find(|seen| seen.id == *id);
    seen.map_or(String::new(), |seen| format!(" on {}", seen.release))
}

fn apply(world: &mut Observed, action: Action) {
    match action {
        Action::Start { process_type, index, release } => {
            let keeper = world.instances.iter().map(|seen| seen.id.keeper).max().unwrap_or(0) + 1;
            let id = InstanceId { process_type, index, keeper };
            world.instances.push(Seen { id, release, state: State::Ready, drained: true });
        }
        Action::Route(keepers) => {
            for seen in &mut world.instances {
                seen.drained = !keepers.contains(&seen.id.keeper);
            }
            world.table = keepers;
        }
        Action::Stop(id) => world.instances.retain(|seen| seen.id != id),
    }
}
