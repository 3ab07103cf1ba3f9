//! `xii deploy [REVISION]`: a revision of the checkout, from git's objects, to the server.

use crate::app::{DeployRef, Failure};
use crate::cli::args::{AppChoice, HowArgs};
use crate::cli::client::{Client, Payload, Trouble, Upload};
use crate::cli::source::{Source, Wanted};
use crate::cli::target::{named, path};
use crate::cli::{Invocation, Outcome, change, source};
use crate::server::api::{Changed, DeployHead, How, Resolve, Resolved};
use clap::Args;
use serde::de::DeserializeOwned;
use std::io::Write;
use std::path::PathBuf;

#[derive(Debug, Args)]
pub struct DeployArgs {
    /// A commit, branch or tag [default: HEAD]
    revision: Option<String>,
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    how: HowArgs,
}

/// Which files of which checkout.
#[derive(Debug, Default, Args)]
pub struct SourceArgs {
    /// The checkout [default: the current folder]
    #[arg(short = 'C', value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// The folder of the app in its repository
    #[arg(long, value_name = "FOLDER")]
    subdir: Option<String>,
    /// Take uncommitted changes along; the release is marked
    #[arg(long)]
    dirty: bool,
}

impl SourceArgs {
    pub fn open(&self, to: &Invocation, revision: Option<&str>) -> Result<Source, Failure> {
        let here = &to.settings.folder;
        let folder = self.folder.as_ref().map_or(here.clone(), |folder| here.join(folder));
        let subdir = self.subdir.as_deref();
        source::open(&Wanted { folder: &folder, revision, subdir, dirty: self.dirty })
    }
}

pub async fn run(args: &DeployArgs, to: &Invocation) -> Outcome {
    let client = to.client()?;
    let source = args.source.open(to, args.revision.as_deref())?;
    let deploy = resolve(to, &client, &source).await?;
    let changed: Changed = deploy_to(&client, &deploy, source, (&args.how).into()).await?;
    change::finish(to, &client, &deploy, changed).await
}

/// Which deploy it goes to: the one named, or the codebase's.
pub async fn resolve(
    to: &Invocation,
    client: &Client,
    source: &Source,
) -> Result<DeployRef, Failure> {
    let mut resolve = match &to.app {
        Some(choice) => named(choice, to.deploy.clone())?,
        None => Resolve {
            app: source.app()?,
            deploy: to.deploy.clone(),
            roots: Vec::new(),
            subdir: None,
            folder: None,
            first_deploy: true,
        },
    };
    let resolved = ask(client, &mut resolve, source).await?;
    if resolved.new {
        to.ui.say(&format!("{} is new", resolved.deploy));
    }
    Ok(resolved.deploy)
}

/// Has a named deploy made, if it is not there.
pub async fn resolve_new(
    client: &Client,
    deploy: &DeployRef,
    source: &Source,
) -> Result<Resolved, Failure> {
    let choice = AppChoice { app: deploy.app.clone(), deploy: Some(deploy.deploy.clone()) };
    ask(client, &mut named(&choice, None)?, source).await
}

async fn ask(client: &Client, resolve: &mut Resolve, source: &Source) -> Result<Resolved, Failure> {
    let facts = source.facts();
    resolve.roots = facts.roots.clone();
    resolve.subdir = facts.subdir.clone();
    resolve.folder = source.folder_name();
    resolve.first_deploy = true;
    Ok(client.post("/v1/resolve", resolve).await?)
}

pub async fn deploy_to(
    client: &Client,
    deploy: &DeployRef,
    source: Source,
    how: How,
) -> Result<Changed, Failure> {
    upload(client, &path(deploy, "/deploy"), source, how).await
}

/// One stream: a line of facts, then the files.
pub async fn upload<T: DeserializeOwned>(
    client: &Client,
    path: &str,
    source: Source,
    how: How,
) -> Result<T, Failure> {
    let (payload, upload) = Payload::stream();
    let head = DeployHead { facts: source.facts().clone(), how };
    let packing = tokio::task::spawn_blocking(move || pack(&head, source, upload));
    match client.upload(path, payload).await {
        // What could not be packed is the reason why the stream broke off.
        Err(trouble @ Trouble::Cut(_)) => match packing.await {
            Ok(Err(failure)) => Err(failure),
            _ => Err(trouble.into()),
        },
        answer => Ok(answer?),
    }
}

fn pack(head: &DeployHead, source: Source, mut to: Upload) -> Result<(), Failure> {
    let head = serde_json::to_vec(head)
        .map_err(|error| Failure::internal("the facts cannot be written").because(error))?;
    let head_is_out = to.write_all(&head).and_then(|()| to.write_all(b"\n"));
    let packed = match head_is_out {
        Ok(()) => source.write_tar(&mut to),
        Err(_) => return Ok(()),
    };
    match packed {
        // When the server stopped reading, its answer says why.
        Ok(()) => {
            let _ = to.flush();
            Ok(())
        }
        Err(failure) => {
            to.abort();
            Err(failure)
        }
    }
}
