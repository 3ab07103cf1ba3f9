//! The end of deploys: everything they run stops, then they are forgotten, all at once.

use super::{Journal, Platform, bring_back};
use crate::app::{AppName, DeployRef, Failure};
use crate::{build, logs};
use jiff::Timestamp;
use std::time::Duration;

const CLEAR_ATTEMPTS: u32 = 3;
const CLEAR_PAUSE: Duration = Duration::from_millis(500);

/// What is to be destroyed: some deploys, or an app with all it has.
#[derive(Debug, Clone)]
pub struct Doomed {
    pub deploys: Vec<DeployRef>,
    pub app: Option<AppName>,
}

/// Stops what runs, removes it from the ledger, then its logs and what its builds kept. What
/// fails before the ledger has changed leaves everything as it was.
pub async fn destroy(
    platform: &Platform,
    journal: &Journal,
    doomed: &Doomed,
) -> Result<(), Failure> {
    if let Err(failure) = stop_and_forget(platform, journal, doomed).await {
        for record in platform.host().ledger.deploys()? {
            if doomed.deploys.contains(&record.deploy) {
                bring_back(platform, &record)?;
            }
        }
        return Err(failure);
    }
    // They are destroyed: what cannot be removed now is only in the way.
    for attempt in 1.. {
        match clear(platform).await {
            Err(_) if attempt < CLEAR_ATTEMPTS => tokio::time::sleep(CLEAR_PAUSE).await,
            Err(failure) => {
                journal.warn(format!("what they left goes with the next start: {failure}"));
                break;
            }
            Ok(()) => break,
        }
    }
    Ok(())
}

async fn stop_and_forget(
    platform: &Platform,
    journal: &Journal,
    doomed: &Doomed,
) -> Result<(), Failure> {
    let host = platform.host();
    let stop = journal.phase("stop");
    let all = doomed.deploys.iter().map(|deploy| (deploy, platform.deploys.want_nothing(deploy)));
    // All stop at once; collected before the first is waited for.
    for (deploy, change) in all.collect::<Vec<_>>() {
        platform.deploys.of(deploy).until_empty(change).await?;
        host.routes.remove(deploy).await?;
    }
    stop.done("nothing runs any more");
    let forget = journal.phase("forget");
    host.ledger.destroy(&doomed.deploys, doomed.app.as_ref(), Timestamp::now())?;
    doomed.deploys.iter().for_each(|deploy| platform.deploys.forget(deploy));
    let names: Vec<_> = doomed.deploys.iter().map(DeployRef::to_string).collect();
    forget.done(match names.as_slice() {
        [] => "it had no deploys".to_string(),
        [one] => format!("{one} is gone; its releases stay in the ledger's history"),
        _ => format!("{} are gone; their releases stay in the ledger's history", names.join(", ")),
    });
    Ok(())
}

/// Removes the logs of deploys and the caches of apps that are no more, also those that a
/// server before this one had not come to.
pub async fn clear(platform: &Platform) -> Result<(), Failure> {
    let host = platform.host().clone();
    let clearing = tokio::task::spawn_blocking(move || {
        // Before the ledger is asked: what is made from now on stays.
        let logs = logs::owners(&host.home.logs())?;
        let caches = build::cache_owners(&host.home)?;
        for deploy in logs {
            if host.ledger.deploy(&deploy)?.is_none() {
                logs::remove(&host.home.deploy_logs(&deploy))?;
            }
        }
        for app in caches {
            if host.ledger.app(&app)?.is_none() {
                build::remove_cache(&host.home, &app)?;
            }
        }
        Ok(())
    });
    clearing.await.map_err(|error| Failure::internal("removing broke off").because(error))?
}
