//! `xii restart|stop|start [web|web.1]`

use crate::cli::args::HowArgs;
use crate::cli::target::{path, target};
use crate::cli::{Invocation, Outcome, change};
use crate::server::api::{Changed, Target};
use clap::Args;

#[derive(Debug, Args)]
pub struct TargetArgs {
    /// A process type or an instance, such as web or web.1 [default: everything]
    process: Option<String>,
    #[command(flatten)]
    how: HowArgs,
}

pub async fn run(verb: &str, args: &TargetArgs, to: &Invocation) -> Outcome {
    let client = to.client()?;
    let deploy = target(to, &client).await?;
    let request = Target { process: args.process.clone(), how: (&args.how).into() };
    let changed: Changed = client.post(&path(&deploy, &format!("/{verb}")), &request).await?;
    change::finish(to, &client, &deploy, changed).await
}
