//! `xii rollback [v3]`

use crate::app::ReleaseNumber;
use crate::cli::args::HowArgs;
use crate::cli::target::{path, target};
use crate::cli::{Invocation, Outcome, change};
use crate::server::api::{Changed, Rollback};
use clap::Args;

#[derive(Debug, Args)]
pub struct RollbackArgs {
    /// The release to restore [default: the last good one before the current]
    release: Option<ReleaseNumber>,
    /// Run the restored release's `release:` command as well
    #[arg(long)]
    release_phase: bool,
    #[command(flatten)]
    how: HowArgs,
}

pub async fn run(args: &RollbackArgs, to: &Invocation) -> Outcome {
    let client = to.client()?;
    let deploy = target(to, &client).await?;
    let request =
        Rollback { to: args.release, release_phase: args.release_phase, how: (&args.how).into() };
    let changed: Changed = client.post(&path(&deploy, "/rollback"), &request).await?;
    change::finish(to, &client, &deploy, changed).await
}
