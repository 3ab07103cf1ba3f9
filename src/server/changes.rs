//! Changes: validate, take the deploy's turn, hand the work to the deploy room.

use super::answer::{Answer, Body, Named, bad_name};
use super::api::{
    Accepted, Changed, ConfigChange, Create, DeployInfo, How, Rollback, Scale, Target,
};
use super::http::Api;
use super::reads;
use crate::app::{AppName, DeployName, DeployRef, Failure, Secret, parse_changes};
use crate::config::Change;
use crate::deploy::{self, Doomed, Order, Platform};
use crate::release;
use crate::store::{AuditEntry, Scope};
use axum::Json;
use axum::extract::{Path, State as Shared};
use jiff::Timestamp;
use std::sync::Arc;

/// Who changes things: the socket is open to its owner alone.
pub const BY: &str = "owner";

pub fn audit(api: &Api, what: &str, deploy: Option<&DeployRef>) -> Result<(), Failure> {
    api.platform.host().ledger.audit(&AuditEntry {
        at: Timestamp::now(),
        who: BY.to_string(),
        what: what.to_string(),
        deploy: deploy.cloned(),
    })
}

pub async fn create(Shared(api): Shared<Api>, Body(create): Body<Create>) -> Answer<DeployInfo> {
    let deploy = create.deploy.unwrap_or_else(DeployName::production);
    let wanted = DeployRef { app: create.app, deploy };
    let record = super::codebases::create(&api, &wanted)?;
    Ok(Json(reads::describe(&api, &record)?))
}

pub async fn scale(
    Shared(api): Shared<Api>,
    Named(deploy): Named,
    Body(request): Body<Scale>,
) -> Answer<Changed> {
    let changes = parse_changes(&request.changes)?;
    let formation = deploy::scaled(&api.platform, &deploy, &changes)?;
    order(&api, deploy, Order::Scale(formation), &request.how).await
}

pub async fn restart(
    Shared(api): Shared<Api>,
    Named(deploy): Named,
    Body(target): Body<Target>,
) -> Answer<Changed> {
    order(&api, deploy, Order::Restart(scope(&target)?), &target.how).await
}

pub async fn stop(
    Shared(api): Shared<Api>,
    Named(deploy): Named,
    Body(target): Body<Target>,
) -> Answer<Changed> {
    order(&api, deploy, Order::Stop(scope(&target)?), &target.how).await
}

pub async fn start(
    Shared(api): Shared<Api>,
    Named(deploy): Named,
    Body(target): Body<Target>,
) -> Answer<Changed> {
    order(&api, deploy, Order::Start(scope(&target)?), &target.how).await
}

fn scope(target: &Target) -> Result<Scope, Failure> {
    target.process.as_deref().unwrap_or("").parse().map_err(Failure::usage)
}

async fn order(api: &Api, deploy: DeployRef, order: Order, how: &How) -> Answer<Changed> {
    if let Order::Restart(scope) | Order::Stop(scope) | Order::Start(scope) = &order {
        deploy::check_scope(&api.platform, &deploy, scope)?;
    }
    if how.plan {
        return Ok(Json(Changed::Plan(deploy::preview(&api.platform, &deploy, &order)?)));
    }
    let turn = api.operations.turn(&deploy, how).await?;
    audit(api, order.name(), Some(&deploy))?;
    let kind = order.name();
    let changed = api.operations.start(turn, kind, BY, |platform, journal| async move {
        deploy::carry_out(&platform, &journal, &deploy, &order).await.map(Some)
    })?;
    Ok(Json(changed))
}

pub async fn config(
    Shared(api): Shared<Api>,
    Named(deploy): Named,
    Body(request): Body<ConfigChange>,
) -> Answer<Changed> {
    let change = Change {
        set: request.set.into_iter().map(|(name, value)| (name, Secret::new(value))).collect(),
        unset: request.unset,
    };
    // Refused before it waits for its turn, and looked at again when it has it.
    let considered = deploy::consider(&api.platform, &deploy, &change)?;
    if considered.changed.is_empty() {
        return Ok(Json(Changed::Unchanged("every value is already what it should be".into())));
    }
    if request.how.plan {
        return Ok(Json(Changed::Plan(config_plan(&api.platform, &deploy, &considered)?)));
    }
    let turn = api.operations.turn(&deploy, &request.how).await?;
    let considered = deploy::consider(&api.platform, &deploy, &change)?;
    if considered.changed.is_empty() {
        return Ok(Json(Changed::Unchanged("every value is already what it should be".into())));
    }
    audit(&api, &format!("config {}", considered.changed), Some(&deploy))?;
    let restart = !request.no_restart;
    let changed =
        api.operations.start(turn, "config", BY, move |platform, journal| async move {
            deploy::change_config(&platform, &journal, considered, BY.to_string(), restart).await
        })?;
    Ok(Json(changed))
}

fn config_plan(
    platform: &Platform,
    deploy: &DeployRef,
    considered: &deploy::ConfigChange,
) -> Result<Vec<String>, Failure> {
    let next = release::next_number(&platform.host().ledger, deploy)?;
    let mut lines = vec![format!("release {next}: config {}", considered.changed)];
    if let Some(head) = considered.head.as_ref().filter(|head| head.build.is_some()) {
        lines.extend(deploy::preview_release(platform, deploy, head, next)?);
    }
    Ok(lines)
}

pub async fn rollback(
    Shared(api): Shared<Api>,
    Named(deploy): Named,
    Body(request): Body<Rollback>,
) -> Answer<Changed> {
    let target = deploy::target(&api.platform, &deploy, request.to)?;
    if request.how.plan {
        let next = release::next_number(&api.platform.host().ledger, &deploy)?;
        let mut lines =
            vec![format!("release {next}: code, commands and config of {}", target.number)];
        let actions = deploy::preview_release(&api.platform, &deploy, &target, next)?;
        let skip = |line: &String| request.release_phase || !line.starts_with("release phase");
        lines.extend(actions.into_iter().filter(skip));
        return Ok(Json(Changed::Plan(lines)));
    }
    let turn = api.operations.turn(&deploy, &request.how).await?;
    let target = deploy::target(&api.platform, &deploy, request.to)?;
    audit(&api, &format!("rollback to {}", target.number), Some(&deploy))?;
    let phase = request.release_phase;
    let changed =
        api.operations.start(turn, "rollback", BY, move |platform, journal| async move {
            deploy::roll_back(&platform, &journal, target, BY.to_string(), phase).await.map(Some)
        })?;
    Ok(Json(changed))
}

pub async fn destroy(Shared(api): Shared<Api>, Named(deploy): Named) -> Answer<Accepted> {
    api.platform.host().ledger.expect_deploy(&deploy)?;
    destroy_all(&api, vec![deploy], None).await
}

pub async fn destroy_app(Shared(api): Shared<Api>, Path(app): Path<String>) -> Answer<Accepted> {
    let app: AppName = app.parse().map_err(bad_name)?;
    let ledger = &api.platform.host().ledger;
    if ledger.app(&app)?.is_none() {
        return Err(super::codebases::unknown_app(&api, &app)?.into());
    }
    let deploys = ledger.deploys_of(&app)?.into_iter().map(|record| record.deploy).collect();
    destroy_all(&api, deploys, Some(app)).await
}

async fn destroy_all(api: &Api, deploys: Vec<DeployRef>, app: Option<AppName>) -> Answer<Accepted> {
    let how = How::default();
    let mut turns = Vec::new();
    for deploy in &deploys {
        turns.push(api.operations.turn(deploy, &how).await?);
    }
    if let Some(app) = &app {
        audit(api, &format!("destroy {app}"), None)?;
    }
    deploys.iter().try_for_each(|deploy| audit(api, "destroy", Some(deploy)))?;
    let turn = turns.pop();
    let doomed = Doomed { deploys, app };
    let work = move |platform: Arc<Platform>, journal: Arc<deploy::Journal>| async move {
        deploy::destroy(&platform, &journal, &doomed).await?;
        drop(turns);
        Ok(None)
    };
    accepted(match turn {
        Some(turn) => api.operations.start(turn, "destroy", BY, work)?,
        // An app without deploys has nothing that runs.
        None => api.operations.start_alone("destroy", BY, work)?,
    })
}

fn accepted(changed: Changed) -> Answer<Accepted> {
    match changed {
        Changed::Operation(operation) => Ok(Json(Accepted { operation })),
        _ => Err(Failure::internal("a change was not made an operation").into()),
    }
}

/// Everything stops, then the router, then the server. What is wanted stays written down.
pub async fn down(Shared(api): Shared<Api>) -> Answer<Accepted> {
    audit(&api, "down", None)?;
    let (ending, router) = (api.ending.clone(), api.router.clone());
    let operations = api.operations.clone();
    let operation = api.operations.start_alone("down", BY, |platform, journal| async move {
        let deploys = platform.host().ledger.deploys()?;
        let deploys: Vec<_> = deploys.into_iter().map(|record| record.deploy).collect();
        // A change under way must not start again what stops here.
        let _turns = operations.all_turns(&deploys).await?;
        stop_everything(&platform, &journal).await?;
        let home = platform.host().home.clone();
        let phase = journal.phase("router");
        // Blocking until it has drained.
        let stopped = tokio::task::spawn_blocking(move || router.stop(&home)).await;
        stopped
            .map_err(|error| Failure::internal("stopping the router broke off").because(error))?;
        phase.done("stopped");
        remove_firewall(&platform)?;
        remove_cgroup(&platform);
        // After the client has had its last line.
        tokio::spawn(async move {
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
            ending.notify_one();
        });
        Ok(None)
    })?;
    accepted(operation)
}

async fn stop_everything(
    platform: &Arc<Platform>,
    journal: &crate::deploy::Journal,
) -> Result<(), Failure> {
    let phase = journal.phase("stop");
    platform.deploys.close();
    let handles = platform.deploys.all();
    let changes: Vec<_> = handles
        .into_iter()
        .map(|handle| {
            let change = platform.deploys.want_nothing(&handle.deploy);
            (handle, change)
        })
        .collect();
    let count: usize = changes.iter().map(|(handle, _)| handle.view().instances.len()).sum();
    for (handle, change) in changes {
        handle.until_empty(change).await?;
    }
    crate::run::stop_all(platform.host()).await?;
    phase.done(if count == 1 { "1 instance".into() } else { format!("{count} instances") });
    Ok(())
}

/// The home's own. What is still in it is in use, and stays.
fn remove_cgroup(platform: &Platform) {
    let home = platform.host().home.cgroup();
    crate::sandbox::cgroup::Hierarchies::of_this_machine().remove_empty(&home);
}

fn remove_firewall(platform: &Platform) -> Result<(), Failure> {
    let id = platform.host().home.id().as_str();
    match crate::sandbox::firewall::exists(id) {
        Ok(true) => crate::sandbox::firewall::remove(id),
        // Without nft there is no table.
        _ => Ok(()),
    }
}
