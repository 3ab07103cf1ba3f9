//! `xii follow`: look on at the change that is under way.

use crate::cli::client::Interrupts;
use crate::cli::target::{path, target};
use crate::cli::{Invocation, Outcome, change};
use crate::server::api::DeployInfo;
use clap::Args;

#[derive(Debug, Args)]
pub struct FollowArgs {
    /// An operation [default: the one under way]
    operation: Option<String>,
}

pub async fn run(args: &FollowArgs, to: &Invocation) -> Outcome {
    let client = to.client()?;
    let deploy = target(to, &client).await?;
    let operation = match &args.operation {
        Some(operation) => Some(operation.clone()),
        None => client.get::<DeployInfo>(&path(&deploy, "")).await?.operation,
    };
    let Some(operation) = operation else {
        to.ui.say(&format!("{deploy} is not being changed"));
        return Ok(0);
    };
    let mut interrupts = Interrupts::of_terminal();
    change::watch(&to.ui, &client, &deploy, &operation, &mut interrupts).await
}
