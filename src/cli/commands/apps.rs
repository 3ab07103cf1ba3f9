//! `xii apps`, `xii apps create|destroy`, `xii deploys`

use super::create::{self, CreateArgs};
use super::destroy::{confirmed, gone};
use crate::app::AppName;
use crate::cli::client::query;
use crate::cli::ui::{ago, table};
use crate::cli::{Invocation, Outcome};
use crate::server::api::{Accepted, AppSummary, DeployInfo};
use clap::{Args, Subcommand};
use jiff::Timestamp;

#[derive(Debug, Args)]
pub struct AppsArgs {
    #[command(subcommand)]
    command: Option<AppsCommand>,
}

#[derive(Debug, Subcommand)]
enum AppsCommand {
    /// Make an app
    Create(CreateArgs),
    /// Destroy an app with all its deploys, releases, builds and logs
    Destroy(DestroyAppArgs),
}

#[derive(Debug, Args)]
struct DestroyAppArgs {
    name: AppName,
    /// The app's name, to show that it is meant
    #[arg(long, value_name = "NAME")]
    confirm: Option<String>,
}

pub async fn run(args: &AppsArgs, to: &Invocation) -> Outcome {
    match &args.command {
        None => list(to).await,
        Some(AppsCommand::Create(args)) => create::run(args, to).await,
        Some(AppsCommand::Destroy(args)) => destroy(args, to).await,
    }
}

async fn list(to: &Invocation) -> Outcome {
    let apps: Vec<AppSummary> = to.client()?.get("/v1/apps").await?;
    if apps.is_empty() && !to.ui.is_json() {
        to.ui.say("no apps yet; `xii deploy` in a checkout makes the first");
        return Ok(0);
    }
    to.ui.show(&apps, |apps| apps_table(apps, Timestamp::now(), to.ui.width()));
    Ok(0)
}

fn apps_table(apps: &[AppSummary], now: Timestamp, width: Option<u16>) -> String {
    let row = |app: &AppSummary| {
        let deploys: Vec<_> = app.deploys.iter().map(|deploy| deploy.as_str()).collect();
        let made = ago(app.created_at, now);
        vec![app.app.to_string(), deploys.join(", "), app.subdir.clone().unwrap_or_default(), made]
    };
    table(&["APP", "DEPLOYS", "FOLDER", "MADE"], apps.iter().map(row).collect(), width)
}

async fn destroy(args: &DestroyAppArgs, to: &Invocation) -> Outcome {
    let what = format!("the app {} with all its deploys, releases and logs", args.name);
    confirmed(&to.ui, &what, args.name.as_str(), args.confirm.as_deref())?;
    let client = to.client()?;
    let accepted: Accepted = client.delete(&format!("/v1/apps/{}", args.name)).await?;
    gone(to, &client, &accepted, &format!("{} is destroyed", args.name)).await
}

pub async fn deploys(to: &Invocation) -> Outcome {
    let path = match &to.app {
        Some(choice) => format!("/v1/deploys?{}", query(&[("app", choice.app.as_str())])),
        None => "/v1/deploys".to_string(),
    };
    let deploys: Vec<DeployInfo> = to.client()?.get(&path).await?;
    if deploys.is_empty() && !to.ui.is_json() {
        to.ui.say("no deploys yet");
        return Ok(0);
    }
    to.ui.show(&deploys, |deploys| deploys_table(deploys, Timestamp::now(), to.ui.width()));
    Ok(0)
}

pub fn deploys_table(deploys: &[DeployInfo], now: Timestamp, width: Option<u16>) -> String {
    let row = |info: &DeployInfo| {
        let release = info.release.map(|release| release.to_string()).unwrap_or_default();
        let when = info.released_at.map(|then| ago(then, now)).unwrap_or_default();
        let state = match &info.operation {
            Some(_) => format!("{}, changing", info.state),
            None => info.state.clone(),
        };
        vec![info.deploy.to_string(), state, release, when, info.url.clone()]
    };
    let rows = deploys.iter().map(row).collect();
    table(&["DEPLOY", "STATE", "RELEASE", "RELEASED", "URL"], rows, width)
}
