//! `xii down`: every instance's stop sequence, then the router, then the server.

use crate::app::Failure;
use crate::cli::client::{Client, Ending, Followed, Interrupts, find, follow, socket};
use crate::cli::settings::Settings;
use crate::cli::ui::Ui;
use crate::cli::{Invocation, Outcome, start};
use crate::keeper;
use crate::router::KeepRouterRecord;
use crate::sandbox::process;
use crate::server::api::{Accepted, Health};
use crate::store::Home;
use std::time::Duration;
use tokio::time::Instant;

/// From the end of the operation to the end of the server.
const GONE_WITHIN: Duration = Duration::from_secs(30);
/// From taking the home to the first answer.
const STARTS_WITHIN: Duration = Duration::from_secs(30);

pub async fn run(to: &Invocation) -> Outcome {
    let client = match find(&to.settings) {
        Ok(client) => client,
        Err(_) if goes_on(&to.settings) => found_or_started(to).await?,
        Err(_) => {
            to.ui.say("xii is not up");
            return Ok(0);
        }
    };
    take_down(&to.ui, &client, &mut Interrupts::of_terminal()).await?;
    to.ui.say("xii is down; `xii up` brings everything back");
    Ok(0)
}

/// A server that has the home is about to answer; without one there has to be one.
async fn found_or_started(to: &Invocation) -> Result<Client, Failure> {
    let deadline = Instant::now() + STARTS_WITHIN;
    while has_its_home(&to.settings) && Instant::now() < deadline {
        if let Ok(client) = find(&to.settings) {
            return Ok(client);
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    to.ui.say("the server has ended, and what it started goes on: starting it to end that");
    Ok(start::up(&to.settings, false).await?.0)
}

/// The process that took the home last is alive.
fn has_its_home(settings: &Settings) -> bool {
    let holder = Home::last_holder(&settings.place.home);
    holder.is_some_and(|pid| process::start_time(pid).is_some())
}

/// A router or an instance outlived its server.
fn goes_on(settings: &Settings) -> bool {
    let Some(socket) = socket(&settings.place).filter(|_| settings.server.is_none()) else {
        return false;
    };
    let instances = keeper::records(&socket.with_file_name("instances")).unwrap_or_default();
    KeepRouterRecord::read(&socket.with_file_name("router.json")).is_some()
        || instances.iter().any(|(_, record)| record.alive())
}

pub async fn take_down(
    ui: &Ui,
    client: &Client,
    interrupts: &mut Interrupts,
) -> Result<(), Failure> {
    let health: Health = client.get("/v1/health").await?;
    let accepted: Accepted = client.post("/v1/down", &serde_json::json!({})).await?;
    match follow(client, ui, &accepted.operation, Ending::ServerEnds, interrupts).await? {
        Followed::Done(_) => gone(health.pid).await,
        Followed::Detached => Err(Failure::platform("left before the end; it goes on")),
    }
}

/// The process itself must have ended: whoever comes next may want its home.
async fn gone(pid: u32) -> Result<(), Failure> {
    let deadline = Instant::now() + GONE_WITHIN;
    let pid = i32::try_from(pid).unwrap_or(0);
    let began = process::start_time(pid);
    while began.is_some() && process::start_time(pid) == began {
        if Instant::now() > deadline {
            return Err(Failure::platform("the server is still there, though all else has ended"));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}
