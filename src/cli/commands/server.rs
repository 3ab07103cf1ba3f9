//! `xii server`: the server in the foreground, its log on stdout.

use crate::cli::{Invocation, Outcome};
use crate::server::Log;
use clap::Args;

#[derive(Debug, Args)]
pub struct ServerArgs {
    /// An app that is alone on this server also answers at the plain address
    #[arg(long, hide = true)]
    lone: bool,
    /// Belong to no terminal, so that closing one ends nothing
    #[arg(long, hide = true)]
    background: bool,
}

pub fn run(args: &ServerArgs, to: &Invocation) -> Outcome {
    if args.background {
        // Fails only for the leader of a group, which has left its terminal already.
        let _ = rustix::process::setsid();
    }
    let settings = to.settings.for_server(args.lone);
    let log = Log { print: crate::cli::ui::log_line, level: settings.log_level };
    crate::server::main(settings, log).map(|()| 0)
}
