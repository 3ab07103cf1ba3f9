//! From a release that is cut to a release that serves, or back to what served before.

use super::{Journal, Platform};
use crate::app::{DeployRef, Failure, ReleaseNumber};
use crate::release::{self, Release};
use crate::run::{Handle, View};
use jiff::Timestamp;
use std::time::Duration;

/// A candidate that was taken back gets this long to stop before the command returns; its
/// stop goes on by itself.
const TAKE_BACK: Duration = Duration::from_secs(90);

/// Starts the release, switches to it when it is ready, stops what it replaces. Whatever
/// fails, what served before serves on.
pub(super) async fn roll_out(
    platform: &Platform,
    journal: &Journal,
    release: &Release,
) -> Result<(), Failure> {
    let before = platform.deploys.of(&release.deploy).release();
    if let Err(failure) = start_and_switch(platform, journal, release).await {
        journal.note(match before {
            Some(before) => format!("{} is taken back; {before} goes on serving", release.number),
            None => format!("{} is taken back; nothing runs", release.number),
        });
        take_back(platform, &release.deploy, before).await?;
        return Err(failure);
    }
    stop_old(platform, journal, release).await
}

async fn start_and_switch(
    platform: &Platform,
    journal: &Journal,
    release: &Release,
) -> Result<(), Failure> {
    let host = platform.host();
    let runnable = host.runnable(&release.deploy, release.number)?;
    let handle = platform.deploys.of(&release.deploy);
    let start = journal.phase("start");
    let change = platform.deploys.want(runnable, true)?;
    let until_ready = wait(&handle, change, |view| view.all_ready(true).then(|| boots(view)));
    tokio::select! {
        ready = until_ready => start.done(ready?),
        () = journal.cancelled() => return Err(Failure::platform("cancelled before the switch")),
    }
    let switch = journal.phase("switch");
    wait(&handle, change, |view| (is_switched(view) && view.all_ready(false)).then_some(()))
        .await?;
    release::activate(&host.ledger, &host.key, &release.deploy, release.number, Timestamp::now())?;
    switch.done(format!("{} serves", release.number));
    Ok(())
}

async fn stop_old(
    platform: &Platform,
    journal: &Journal,
    release: &Release,
) -> Result<(), Failure> {
    let handle = platform.deploys.of(&release.deploy);
    let old = handle.view().instances.len() - handle.view().current().count();
    let stop = journal.phase("stop");
    let runnable = platform.host().runnable(&release.deploy, release.number)?;
    let change = platform.deploys.want(runnable, false)?;
    // The release serves: what goes wrong from here on is not its failure.
    let is_done = |view: &View| view.instances.len() == view.current().count();
    handle.until(change, |view| is_done(view).then_some(())).await?;
    stop.done(match old {
        0 => "nothing to stop".to_string(),
        1 => "1 old instance, drained".to_string(),
        count => format!("{count} old instances, drained"),
    });
    Ok(())
}

pub(super) async fn take_back(
    platform: &Platform,
    deploy: &DeployRef,
    before: Option<ReleaseNumber>,
) -> Result<(), Failure> {
    let change = match before {
        Some(before) => {
            let runnable = platform.host().runnable(deploy, before)?;
            platform.deploys.want(runnable, false)?
        }
        None => platform.deploys.want_nothing(deploy),
    };
    let handle = platform.deploys.of(deploy);
    let gone =
        handle.until(change, |view| (view.instances.len() == view.current().count()).then_some(()));
    // Going on stopping in the background is no failure.
    let _ = tokio::time::timeout(TAKE_BACK, gone).await;
    Ok(())
}

/// Waits for an answer, or for the first reason why it will not come.
pub(super) async fn wait<T>(
    handle: &Handle,
    change: u64,
    mut question: impl FnMut(&View) -> Option<T>,
) -> Result<T, Failure> {
    handle
        .until(change, |view| match (question(view), view.failure()) {
            // Without this an empty wish would pass for a fulfilled one.
            _ if view.desired.release.is_none() => {
                Some(Err(Failure::platform("everything is being stopped meanwhile")))
            }
            (Some(answer), _) => Some(Ok(answer)),
            (None, Some(failure)) => Some(Err(failure.clone())),
            (None, None) => None,
        })
        .await?
}

fn is_switched(view: &View) -> bool {
    let mut routed = view.instances.iter().filter(|i| view.table.contains(&i.id.keeper));
    routed.all(|i| Some(i.release) == view.desired.release)
}

/// `web.1 412 ms, web.2 430 ms`
fn boots(view: &View) -> String {
    let boots: Vec<String> =
        view.current().filter_map(|i| Some(format!("{} {} ms", i.id.name(), i.boot_ms?))).collect();
    if boots.is_empty() { "nothing to wait for".to_string() } else { boots.join(", ") }
}
