//! `xii promote`: a change of one deploy that is ordered at another.

use super::answer::{Answer, Body, Named};
use super::api::{Changed, Promote};
use super::changes::{BY, audit};
use super::codebases;
use super::http::Api;
use crate::app::{DeployName, DeployRef, Failure, Manifests};
use crate::deploy;
use crate::release::Release;
use axum::Json;
use axum::extract::State as Shared;

pub async fn promote(
    Shared(api): Shared<Api>,
    Named(from): Named,
    Body(request): Body<Promote>,
) -> Answer<Changed> {
    let to = request.to.unwrap_or_else(DeployName::production);
    let to = DeployRef { app: from.app.clone(), deploy: to };
    if to == from {
        return Err(Failure::usage(format!("{from} cannot be promoted to itself"))
            .next("name the source with -d, the target with --to")
            .into());
    }
    let source = deploy::promotable(&api.platform, &from)?;
    if deploy::has_the_same(&api.platform, &to, &source)? {
        return Ok(Json(unchanged(&to, &source)));
    }
    let lines = deploy::preview_promote(&api.platform, &to, &source)?;
    if request.how.plan {
        return Ok(Json(Changed::Plan(lines)));
    }
    let manifests =
        Manifests::parse(&source.manifests).map_err(Failure::from)?.for_deploy(&to.deploy);
    deploy::require_config(&api.platform, &to, &manifests)?;
    if api.platform.host().ledger.deploy(&to)?.is_none() {
        codebases::create(&api, &to)?;
    }
    let turn = api.operations.turn(&to, &request.how).await?;
    // A release never changes: the one that was looked at is the one that is promoted.
    if deploy::has_the_same(&api.platform, &to, &source)? {
        return Ok(Json(unchanged(&to, &source)));
    }
    audit(&api, &format!("promote {from} {}", source.number), Some(&to))?;
    let changed =
        api.operations.start(turn, "promote", BY, move |platform, journal| async move {
            deploy::promote(&platform, &journal, source, to, BY.to_string()).await.map(Some)
        })?;
    Ok(Json(changed))
}

fn unchanged(to: &DeployRef, source: &Release) -> Changed {
    let Release { deploy, number, .. } = source;
    Changed::Unchanged(format!("{to} has the build and the commands of {deploy} {number} already"))
}
