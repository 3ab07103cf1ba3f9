//! `xii promote [-d staging] [--to production]`

use crate::app::{DeployName, DeployRef};
use crate::cli::args::HowArgs;
use crate::cli::target::{path, target_or};
use crate::cli::{Invocation, Outcome, change};
use crate::server::api::{Changed, Promote};
use clap::Args;

#[derive(Debug, Args)]
pub struct PromoteArgs {
    /// The deploy that gets it [default: production]
    #[arg(long, value_name = "DEPLOY")]
    to: Option<DeployName>,
    #[command(flatten)]
    how: HowArgs,
}

/// Without `-d`, the deploy that is promoted.
const SOURCE: &str = "staging";

pub async fn run(args: &PromoteArgs, to: &Invocation) -> Outcome {
    let client = to.client()?;
    let from = target_or(to, &client, SOURCE.parse().ok()).await?;
    let request = Promote { to: args.to.clone(), how: (&args.how).into() };
    let changed: Changed = client.post(&path(&from, "/promote"), &request).await?;
    let deploy = args.to.clone().unwrap_or_else(DeployName::production);
    change::finish(to, &client, &DeployRef { app: from.app, deploy }, changed).await
}
