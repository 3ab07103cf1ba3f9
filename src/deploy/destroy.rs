//! The end of a deploy: everything it runs stops, then it is forgotten.

use super::{Journal, Platform};
use crate::app::{AppName, DeployRef, Failure};
use crate::{build, logs};
use jiff::Timestamp;

/// Stops what runs, then removes the deploy from the ledger, and its log.
pub async fn destroy(
    platform: &Platform,
    journal: &Journal,
    deploy: &DeployRef,
) -> Result<(), Failure> {
    let host = platform.host();
    let stop = journal.phase("stop");
    let change = platform.deploys.want_nothing(deploy);
    platform.deploys.of(deploy).until_empty(change).await?;
    host.routes.remove(deploy).await?;
    stop.done("nothing runs any more");
    let forget = journal.phase("forget");
    host.ledger.destroy_deploy(deploy, Timestamp::now())?;
    platform.deploys.forget(deploy);
    logs::remove(&host.home.deploy_logs(deploy))?;
    forget.done(format!("{deploy} is gone; its releases stay in the ledger's history"));
    Ok(())
}

/// The app itself, when none of its deploys is left: its name, and what its builds kept.
pub async fn forget_app(platform: &Platform, app: &AppName) -> Result<(), Failure> {
    let host = platform.host().clone();
    host.ledger.destroy_app(app, Timestamp::now())?;
    let app = app.clone();
    let removing = tokio::task::spawn_blocking(move || build::remove_cache(&host.home, &app));
    removing.await.map_err(|error| Failure::internal("removing broke off").because(error))?
}
