//! `xii scale [web=3 worker+1 …]`

use crate::cli::args::HowArgs;
use crate::cli::target::{path, target};
use crate::cli::{Invocation, Outcome, change};
use crate::server::api::{Changed, Processes, Scale};
use clap::Args;

#[derive(Debug, Args)]
pub struct ScaleArgs {
    /// TYPE=NUMBER, TYPE+NUMBER or TYPE-NUMBER; none shows the formation
    #[arg(value_name = "CHANGE")]
    pub changes: Vec<String>,
    #[command(flatten)]
    how: HowArgs,
}

pub async fn run(args: &ScaleArgs, to: &Invocation) -> Outcome {
    let client = to.client()?;
    let deploy = target(to, &client).await?;
    if args.changes.is_empty() {
        let processes: Processes = client.get(&path(&deploy, "/ps")).await?;
        to.ui.show(&processes.formation, |formation| {
            let words: Vec<_> =
                formation.iter().map(|(name, number)| format!("{name}={number}")).collect();
            words.join(" ")
        });
        return Ok(0);
    }
    let scale = Scale { changes: args.changes.clone(), how: (&args.how).into() };
    let changed: Changed = client.post(&path(&deploy, "/scale"), &scale).await?;
    change::finish(to, &client, &deploy, changed).await
}
