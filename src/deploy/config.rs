//! Config changes: a new release with the same code.

use super::measure::Measure;
use super::spine::{Phase, finish, stack};
use super::{Journal, Platform, Receipt};
use crate::app::{DeployRef, Failure};
use crate::config::{Change, Changed, ConfigSnapshot};
use crate::release::{self, NewRelease, Reason, Release};
use jiff::Timestamp;

/// A change of config that would change something.
pub struct ConfigChange {
    pub deploy: DeployRef,
    pub config: ConfigSnapshot,
    pub changed: Changed,
    pub head: Option<Release>,
}

/// Works out what a change changes; nothing is done yet.
pub fn consider(
    platform: &Platform,
    deploy: &DeployRef,
    change: &Change,
) -> Result<ConfigChange, Failure> {
    let host = platform.host();
    let head = release::head(&host.ledger, &host.key, deploy)?;
    let before = match &head {
        Some(head) => head.open_config(&host.key)?,
        None => ConfigSnapshot::default(),
    };
    let (config, changed) = before.apply(change)?;
    Ok(ConfigChange { deploy: deploy.clone(), config, changed, head })
}

/// Makes the release and, unless `restart` is false, runs it.
pub async fn change_config(
    platform: &Platform,
    journal: &Journal,
    change: ConfigChange,
    by: String,
    restart: bool,
) -> Result<Option<Receipt>, Failure> {
    let host = platform.host();
    let measure = Measure::begin(platform, &change.deploy).await;
    let phase = journal.phase("release");
    let head = change.head.as_ref();
    let new = NewRelease {
        deploy: change.deploy.clone(),
        build: head.and_then(|head| head.build),
        stack: head.map_or_else(|| stack(platform), |head| head.stack.clone()),
        config: change.config,
        commands: head.map(|head| head.commands.clone()).unwrap_or_default(),
        manifests: head.map(|head| head.manifests.clone()).unwrap_or_default(),
        commit: head.and_then(|head| head.commit.clone()),
        attachments: head.map(|head| head.attachments.clone()).unwrap_or_default(),
        reason: Reason::Config(change.changed),
        by,
        at: Timestamp::now(),
    };
    let release = release::cut(&host.ledger, &host.key, &new)?;
    phase.done(format!("{}: {}", release.number, release.reason));
    if release.build.is_some() && restart {
        finish(platform, journal, &release, Phase::Run).await?;
        return Ok(Some(measure.receipt(platform, journal, "config changed", Vec::new()).await));
    }
    if release.build.is_some()
        && let Some(running) = host.ledger.serving(&release.deploy)?
    {
        host.ledger.keep_running(&release.deploy, release.number, running)?;
    }
    let (key, now) = (&host.key, Timestamp::now());
    release::activate(&host.ledger, key, &release.deploy, release.number, now)?;
    journal.note(match release.build {
        Some(_) => "running instances keep the config they have; `xii restart` gives them the new",
        None => "nothing is started: there is no code yet; `xii deploy` brings it",
    });
    Ok(None)
}
