//! `xii create [NAME] [-d DEPLOY]`

use crate::app::AppName;
use crate::cli::target::app_to_make;
use crate::cli::ui::{BOLD, paint};
use crate::cli::{Invocation, Outcome};
use crate::server::api::{Create, DeployInfo};
use clap::Args;

#[derive(Debug, Args)]
pub struct CreateArgs {
    /// The app [default: -a, else xii.toml's `app`, else the folder's name]
    name: Option<AppName>,
}

pub async fn run(args: &CreateArgs, to: &Invocation) -> Outcome {
    let app = match &args.name {
        Some(name) => name.clone(),
        None => app_to_make(to)?,
    };
    let deploy = to.deploy.clone().or_else(|| to.app.as_ref()?.deploy.clone());
    let info: DeployInfo = to.client()?.post("/v1/apps", &Create { app, deploy }).await?;
    to.ui.show(&info, |info| format!("{} at {}", paint(BOLD, &info.deploy.to_string()), info.url));
    to.ui.say(&format!("next: xii deploy -a {}", info.deploy));
    Ok(0)
}
