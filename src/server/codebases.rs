//! Which deploy is meant: by name, by codebase, or by the folder's name for a first deploy.

use super::answer::{Answer, Body};
use super::api::{Resolve, Resolved};
use super::changes::audit;
use super::http::Api;
use crate::app::{AppName, DeployName, DeployRef, Failure, did_you_mean};
use crate::codebase::{Bound, Facts, Same, same};
use crate::store::{AppRecord, DeployRecord};
use axum::Json;
use axum::extract::State as Shared;
use jiff::Timestamp;

pub async fn resolve(Shared(api): Shared<Api>, Body(question): Body<Resolve>) -> Answer<Resolved> {
    let (app, exists) = which_app(&api, &question)?;
    let deploy = question.deploy.unwrap_or_else(DeployName::production);
    let wanted = DeployRef { app, deploy };
    let ledger = &api.platform.host().ledger;
    if exists && ledger.deploy(&wanted)?.is_some() {
        return Ok(Json(Resolved { deploy: wanted, new: false }));
    }
    // The first deploy of an app makes its production; anything else is made on purpose.
    if question.first_deploy && !exists && wanted.deploy == DeployName::production() {
        return Ok(Json(Resolved { deploy: wanted, new: true }));
    }
    match exists {
        true => Err(unknown_deploy(&api, &wanted)?.into()),
        false => Err(unknown_app(&api, &wanted.app)?.into()),
    }
}

/// The app, and whether it exists.
fn which_app(api: &Api, question: &Resolve) -> Result<(AppName, bool), Failure> {
    let ledger = &api.platform.host().ledger;
    if let Some(app) = &question.app {
        return Ok((app.clone(), ledger.app(app)?.is_some()));
    }
    let subdir = question.subdir.as_deref().unwrap_or("");
    let known = match question.roots.is_empty() {
        true => Vec::new(),
        false => ledger.apps_of_codebase(&question.roots, subdir)?,
    };
    match (known.as_slice(), &question.folder) {
        ([only], _) => Ok((only.name.clone(), true)),
        ([_, _, ..], _) => Err(ambiguous(&known)),
        ([], Some(folder)) if question.first_deploy => {
            let app = app_name(folder)?;
            let exists = ledger.app(&app)?.is_some();
            Ok((app, exists))
        }
        ([], _) => Err(Failure::usage("which app is meant is not known")
            .why("this folder is not the checkout of an app that xii knows")
            .next("name it with -a APP; `xii apps` lists them")),
    }
}

fn ambiguous(known: &[AppRecord]) -> Failure {
    let names: Vec<_> = known.iter().map(|app| app.name.as_str()).collect();
    Failure::usage(format!("several apps have this codebase: {}", names.join(", ")))
        .next("name the one with -a APP")
}

/// A folder's name, made to fit where that is plain.
fn app_name(folder: &str) -> Result<AppName, Failure> {
    let plain = folder.to_lowercase().replace(['_', '.', ' '], "-");
    plain.parse().map_err(|error| {
        Failure::usage(format!("the folder's name {folder:?} cannot be an app's name"))
            .because(error)
            .next("name the app: `xii deploy -a APP`")
    })
}

pub fn unknown_app(api: &Api, app: &AppName) -> Result<Failure, Failure> {
    let apps = api.platform.host().ledger.apps()?;
    let near = did_you_mean(app.as_str(), apps.iter().map(|app| app.name.as_str()));
    let failure = Failure::usage(format!("there is no app `{app}`"));
    Ok(failure.next(match near {
        Some(near) => format!("did you mean `{near}`? to make it: `xii create {app}`"),
        None => format!("`xii apps` lists them; to make it: `xii create {app}`"),
    }))
}

fn unknown_deploy(api: &Api, wanted: &DeployRef) -> Result<Failure, Failure> {
    let known = api.platform.host().ledger.deploys_of(&wanted.app)?;
    let names = known.iter().map(|record| record.deploy.deploy.as_str());
    let near = did_you_mean(wanted.deploy.as_str(), names);
    let make = format!("to make it: `xii create {} -d {}`", wanted.app, wanted.deploy);
    let failure = Failure::usage(format!("{} has no deploy `{}`", wanted.app, wanted.deploy));
    Ok(failure.next(match near {
        Some(near) => format!("did you mean `{near}`? {make}"),
        None => make,
    }))
}

/// Makes the app if it is not there, then the deploy.
pub fn create(api: &Api, wanted: &DeployRef) -> Result<DeployRecord, Failure> {
    let host = api.platform.host();
    let (ledger, now) = (&host.ledger, Timestamp::now());
    if ledger.deploy(wanted)?.is_some() {
        return Err(Failure::usage(format!("{wanted} exists already"))
            .next(format!("see it with `xii info -a {} -d {}`", wanted.app, wanted.deploy)));
    }
    audit(api, "create", Some(wanted))?;
    // Without root everything is the caller's own user; the number is only kept.
    ledger.create_with_app(wanted, &host.block, now)
}

/// Whether this codebase may be deployed there; nothing is made yet.
pub fn check(api: &Api, wanted: &DeployRef, facts: &Facts) -> Result<(), Failure> {
    let ledger = &api.platform.host().ledger;
    let Some(app) = ledger.app(&wanted.app)? else {
        return match facts.roots.is_empty() {
            true => Err(shallow_first(&wanted.app)),
            false => Ok(()),
        };
    };
    if ledger.deploy(wanted)?.is_none() {
        return Err(unknown_deploy(api, wanted)?);
    }
    check_bound(app, facts)
}

fn shallow_first(app: &AppName) -> Failure {
    Failure::usage(format!("the first deploy of `{app}` needs the whole history"))
        .why("this is a shallow clone: its root commits, which an app is known by, are not here")
        .next("git fetch --unshallow")
}

/// The deploy to deploy to: made if this is the first deploy of its app, and bound to its
/// codebase. Another codebase is refused.
pub fn admit(api: &Api, wanted: &DeployRef, facts: &Facts) -> Result<(), Failure> {
    // Again: another first deploy may have come in between.
    check(api, wanted, facts)?;
    let ledger = &api.platform.host().ledger;
    if ledger.app(&wanted.app)?.is_none() {
        create(api, wanted)?;
    }
    let app = ledger.app(&wanted.app)?;
    match app.is_some_and(|app| app.roots.is_empty()) && !facts.roots.is_empty() {
        true => ledger.bind_app(&wanted.app, &facts.roots, facts.subdir.as_deref().unwrap_or("")),
        false => Ok(()),
    }
}

fn check_bound(app: AppRecord, facts: &Facts) -> Result<(), Failure> {
    if app.roots.is_empty() {
        return Ok(());
    }
    let name = app.name;
    let subdir = Some(app.subdir).filter(|subdir| !subdir.is_empty());
    match same(&Bound { roots: app.roots, subdir }, facts) {
        Same::Yes | Same::UnknownRoots => Ok(()),
        Same::Different(why) => Err(Failure::usage(format!(
            "this is not the codebase of `{name}`"
        ))
        .why(why)
        .next(format!(
            "deploy it as an app of its own: `xii deploy -a OTHER-NAME`; or, to give `{name}` \
                 another codebase, end it first: `xii apps destroy {name} --confirm {name}`"
        ))),
    }
}
