//! `xii build --plan` and `--explain`: how a checkout would be built, and why which step would
//! run again, without building it; and what can be done with builds that are there.

use super::deploy::{SourceArgs, resolve, upload};
use super::export::{self, ExportArgs};
use crate::app::Failure;
use crate::build::Explanation;
use crate::cli::target::path;
use crate::cli::{Invocation, Outcome, change};
use crate::deploy::Planned;
use crate::server::api::{Changed, How};
use clap::{Args, Subcommand};

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct BuildArgs {
    #[command(subcommand)]
    command: Option<BuildCommand>,
    /// A commit, branch or tag [default: HEAD]
    revision: Option<String>,
    /// Show the plan (builds are made by `deploy`)
    #[arg(long)]
    plan: bool,
    /// Show which steps the next build would run again, and why
    #[arg(long, conflicts_with = "plan")]
    explain: bool,
    #[command(flatten)]
    source: SourceArgs,
}

#[derive(Debug, Subcommand)]
enum BuildCommand {
    /// Write a release's build as an OCI image layout, on its stack and without its config
    Export(ExportArgs),
    /// Build a commit that is built already again, with empty caches: is it the same?
    Verify(VerifyArgs),
}

#[derive(Debug, Args)]
struct VerifyArgs {
    /// A commit, branch or tag [default: HEAD]
    revision: Option<String>,
    #[command(flatten)]
    source: SourceArgs,
}

pub async fn run(args: &BuildArgs, to: &Invocation) -> Outcome {
    match &args.command {
        Some(BuildCommand::Export(args)) => return export::run(args, to).await,
        Some(BuildCommand::Verify(args)) => return verify(args, to).await,
        None => {}
    }
    if args.explain {
        return explain(args, to).await;
    }
    if !args.plan {
        return Err(Failure::usage("builds are made by `xii deploy`").next(
            "xii build --plan shows how it would be built, --explain why a step runs again",
        ));
    }
    let client = to.client()?;
    let source = args.source.open(to, args.revision.as_deref())?;
    let plan: Planned = upload(&client, "/v1/build-plan", source, How::default()).await?;
    to.ui.show(&plan, Planned::to_string);
    to.ui.say("--json shows the environment as well");
    Ok(0)
}

async fn explain(args: &BuildArgs, to: &Invocation) -> Outcome {
    let client = to.client()?;
    let source = args.source.open(to, args.revision.as_deref())?;
    let deploy = resolve(to, &client, &source).await?;
    let place = path(&deploy, "/build-explain");
    let lines: Vec<Explanation> = upload(&client, &place, source, How::default()).await?;
    to.ui.show(&lines, |lines| lines.iter().map(|line| format!("{line}\n")).collect());
    Ok(0)
}

async fn verify(args: &VerifyArgs, to: &Invocation) -> Outcome {
    let client = to.client()?;
    let source = args.source.open(to, args.revision.as_deref())?;
    let deploy = resolve(to, &client, &source).await?;
    let place = path(&deploy, "/build-verify");
    let changed: Changed = upload(&client, &place, source, How::default()).await?;
    change::finish(to, &client, &deploy, changed).await
}
