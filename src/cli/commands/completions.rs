//! `xii completions SHELL`

use crate::cli::args::Cli;
use crate::cli::{Invocation, Outcome};
use clap::{Args, CommandFactory};
use clap_complete::Shell;

#[derive(Debug, Args)]
pub struct CompletionsArgs {
    shell: Shell,
}

pub fn run(args: &CompletionsArgs, to: &Invocation) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "xii", &mut script);
    to.ui.raw(&script);
    Ok(0)
}
