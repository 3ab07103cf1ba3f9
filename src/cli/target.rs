//! Which deploy a command means. What the user says and what the checkout says is
//! collected here; which one it is, the server answers, because it knows the apps.

use super::Invocation;
use super::args::AppChoice;
use super::client::Client;
use super::source;
use crate::app::{AppName, DeployName, DeployRef, Failure};
use crate::codebase::identify;
use crate::server::api::{Resolve, Resolved};
use std::path::Path;

/// The deploy an invocation means; it exists.
pub async fn target(invocation: &Invocation, client: &Client) -> Result<DeployRef, Failure> {
    target_or(invocation, client, None).await
}

/// The same, with another deploy than production where none is named.
pub async fn target_or(
    invocation: &Invocation,
    client: &Client,
    default: Option<DeployName>,
) -> Result<DeployRef, Failure> {
    let folder = &invocation.settings.folder;
    let mut resolve = match &invocation.app {
        Some(choice) => named(choice, invocation.deploy.clone())?,
        None => from_checkout(folder, invocation.deploy.clone())?,
    };
    resolve.deploy = resolve.deploy.or(default);
    let resolved: Resolved = client.post("/v1/resolve", &resolve).await?;
    Ok(resolved.deploy)
}

/// The path of a deploy in the API.
pub fn path(deploy: &DeployRef, rest: &str) -> String {
    format!("/v1/apps/{}/{}{rest}", deploy.app, deploy.deploy)
}

pub fn named(choice: &AppChoice, deploy: Option<DeployName>) -> Result<Resolve, Failure> {
    let deploy = match (&choice.deploy, deploy) {
        (Some(one), Some(other)) if *one != other => {
            let what = format!("-a {}/{one} and -d {other} name two deploys", choice.app);
            return Err(Failure::usage(what));
        }
        (one, other) => other.or_else(|| one.clone()),
    };
    Ok(Resolve {
        app: Some(choice.app.clone()),
        deploy,
        roots: Vec::new(),
        subdir: None,
        folder: None,
        first_deploy: false,
    })
}

/// Without a name: xii.toml's `app`, else the codebase the folder belongs to.
fn from_checkout(folder: &Path, deploy: Option<DeployName>) -> Result<Resolve, Failure> {
    let identity = identify(folder)?;
    let of_app = identity.as_ref().map_or(folder, |identity| identity.folder.as_path());
    let (app, name) = (source::app_of_manifest(of_app)?, folder_name(of_app));
    let (roots, subdir) =
        identity.map(|identity| (identity.roots, identity.subdir)).unwrap_or_default();
    Ok(Resolve { app, deploy, roots, subdir, folder: name, first_deploy: false })
}

pub fn folder_name(folder: &Path) -> Option<String> {
    Some(folder.file_name()?.to_string_lossy().into_owned())
}

/// The app a new thing is made for: `-a`, xii.toml, or the folder's name.
pub fn app_to_make(invocation: &Invocation) -> Result<AppName, Failure> {
    if let Some(choice) = &invocation.app {
        return Ok(choice.app.clone());
    }
    let folder = &invocation.settings.folder;
    if let Some(app) = source::app_of_manifest(folder)? {
        return Ok(app);
    }
    let name = folder_name(folder).unwrap_or_default();
    name.parse().map_err(|error| {
        Failure::usage("the folder's name cannot be the app's")
            .because(error)
            .next("xii create NAME")
    })
}
