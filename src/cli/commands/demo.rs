//! `xii demo`
use crate::cli::{Invocation, Outcome};
use clap::Args;
#[derive(Debug, Args)]
pub struct DemoArgs {
    /// Leave it up at the end
    #[arg(long)]
    keep: bool,
}
pub async fn run(_args: &DemoArgs, _to: &Invocation) -> Outcome {
    Ok(0)
}
