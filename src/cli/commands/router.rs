//! `xii router restart`: a new router process in the place of the running one. It asks the
//! router's keeper, which needs no server for it.

use crate::app::Failure;
use crate::cli::client::{socket, start_line};
use crate::cli::{Invocation, Outcome};
use crate::router::KeeperClient;
use clap::{Args, Subcommand};

#[derive(Debug, Args)]
pub struct RouterArgs {
    #[command(subcommand)]
    action: RouterAction,
}

#[derive(Debug, Subcommand)]
enum RouterAction {
    /// Start a new router, of the installed xii, and let the old one finish: no request is dropped
    Restart,
}

pub async fn run(args: &RouterArgs, to: &Invocation) -> Outcome {
    let RouterAction::Restart = args.action;
    let sockets = to.settings.places.iter().filter_map(socket);
    let keepers = sockets.map(|server| server.with_file_name("router.sock"));
    let Some(keeper) = keepers.into_iter().find(|keeper| keeper.exists()) else {
        return Err(Failure::platform("no router is running").next(start_line(&to.settings)));
    };
    let keeper = KeeperClient { socket: keeper };
    keeper.restart().await?;
    to.ui.show(&keeper.status().await?, |status| {
        format!("a new router serves on http://{}\n", status.http)
    });
    Ok(0)
}
