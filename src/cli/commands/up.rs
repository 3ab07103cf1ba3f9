//! `xii up`: server and router in the background. Does nothing where they are up.

use crate::app::Failure;
use crate::cli::client::{Trouble, find};
use crate::cli::ui::{DIM, GOOD, paint};
use crate::cli::{Invocation, Outcome, start};
use crate::server::api::Health;
use clap::Args;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::Instant;

/// From the death of a server to the end of its sockets.
const DEAD_WITHIN: Duration = Duration::from_secs(5);
/// From the death of the router's keeper to the next one.
const ROUTER_WITHIN: Duration = Duration::from_secs(20);

#[derive(Debug, Args)]
pub struct UpArgs {
    /// An app that is alone on this server also answers at the plain address
    #[arg(long, hide = true)]
    lone: bool,
}

pub async fn run(args: &UpArgs, to: &Invocation) -> Outcome {
    let (health, started) = match running(to).await? {
        Some(health) => (health, false),
        None => (start::up(&to.settings, args.lone).await?.1, true),
    };
    accepts(&health.http).await?;
    to.ui.show(&health, |health| text(health, started));
    if started {
        to.ui.say("next: xii deploy, in a checkout with a Procfile");
    }
    Ok(0)
}

/// A server that accepts connections but does not answer is an error, not a reason to
/// start another.
async fn running(to: &Invocation) -> Result<Option<Health>, Failure> {
    let deadline = Instant::now() + DEAD_WITHIN;
    loop {
        let Ok(client) = find(&to.settings) else { return Ok(None) };
        match client.get("/v1/health").await {
            Ok(health) => return Ok(Some(health)),
            // A killed process accepts until the kernel has taken it apart.
            Err(Trouble::Cut(_) | Trouble::Absent { .. }) if Instant::now() < deadline => {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            Err(trouble) => return Err(trouble.into()),
        }
    }
}

/// A router whose keeper has just died is back when this returns.
async fn accepts(http: &str) -> Result<(), Failure> {
    let address = http.trim_start_matches("http://");
    let deadline = Instant::now() + ROUTER_WITHIN;
    while let Err(error) = TcpStream::connect(address).await {
        if Instant::now() > deadline {
            let failure = Failure::platform(format!("no router accepts on {http}"));
            return Err(failure.because(error).next("`xii doctor` says what is missing"));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

fn text(health: &Health, started: bool) -> String {
    let state = if started { "is up" } else { "was up already" };
    let line = |name: &str, text: &str| format!("  {} {text}\n", paint(DIM, &format!("{name:<9}")));
    let mut text = format!("{} xii {state} at {}\n", paint(GOOD, "●"), health.http);
    text += &line("isolation", &health.isolation);
    text += &line("home", &health.home);
    text
}
