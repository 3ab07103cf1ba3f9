//! `xii up`: server and router in the background. Does nothing where they are up.

use crate::app::Failure;
use crate::cli::client::{Client, find};
use crate::cli::ui::{DIM, GOOD, paint};
use crate::cli::{Invocation, Outcome, start};
use crate::server::api::Health;
use clap::Args;

#[derive(Debug, Args)]
pub struct UpArgs {
    /// An app that is alone on this server also answers at the plain address
    #[arg(long, hide = true)]
    lone: bool,
}

pub async fn run(args: &UpArgs, to: &Invocation) -> Outcome {
    let (health, started) = match running(to).await? {
        Some(health) => (health, false),
        None => (start::start(&to.settings, args.lone).await?.1, true),
    };
    to.ui.show(&health, |health| text(health, started));
    if started {
        to.ui.say("next: xii deploy, in a checkout with a Procfile");
    }
    Ok(0)
}

/// A server that accepts connections but does not answer is an error, not a reason to
/// start another.
async fn running(to: &Invocation) -> Result<Option<Health>, Failure> {
    let client: Client = match find(&to.settings) {
        Ok(client) => client,
        Err(_) => return Ok(None),
    };
    Ok(Some(client.get("/v1/health").await?))
}

fn text(health: &Health, started: bool) -> String {
    let state = if started { "is up" } else { "was up already" };
    let line = |name: &str, text: &str| format!("  {} {text}\n", paint(DIM, &format!("{name:<9}")));
    let mut text = format!("{} xii {state} at {}\n", paint(GOOD, "●"), health.http);
    text += &line("isolation", &health.isolation);
    text += &line("home", &health.home);
    text
}
