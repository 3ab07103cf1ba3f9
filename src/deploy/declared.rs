//! The config that new code starts with: the deploy's own, and what app.json adds to it.
//! What is set is never touched.

use super::Platform;
use crate::app::{ConfigKey, DeployRef, Failure, Manifests};
use crate::config::{ConfigSnapshot, Lacking, lacking};
use crate::release::{self, Release};
use std::collections::BTreeSet;

/// A deploy's config is what its newest good release has; `None` before there is any.
pub(super) fn head(platform: &Platform, deploy: &DeployRef) -> Result<Option<Release>, Failure> {
    let host = platform.host();
    match host.ledger.deploy(deploy)? {
        Some(_) => release::head(&host.ledger, &host.key, deploy),
        None => Ok(None),
    }
}

/// What the deploy's config lacks for code with these manifests.
pub(super) fn lacking_for(
    platform: &Platform,
    deploy: &DeployRef,
    manifests: &Manifests,
) -> Result<(ConfigSnapshot, Lacking), Failure> {
    let head = head(platform, deploy)?;
    let config = match &head {
        Some(head) => head.open_config(&platform.host().key)?,
        None => ConfigSnapshot::default(),
    };
    let known = head.filter(|head| head.build.is_some()).map(declared_by).unwrap_or_default();
    let lacking = lacking(&config, &manifests.app_json.env, &known);
    Ok((config, lacking))
}

fn declared_by(release: Release) -> BTreeSet<ConfigKey> {
    // What an earlier version accepted and this one does not declared nothing.
    let manifests = Manifests::parse(&release.manifests).unwrap_or_default();
    manifests.for_deploy(&release.deploy.deploy).app_json.env.into_keys().collect()
}

/// Refuses code that the deploy's config is not enough for; nothing is done.
pub fn require_config(
    platform: &Platform,
    deploy: &DeployRef,
    manifests: &Manifests,
) -> Result<(), Failure> {
    let exists = platform.host().ledger.deploy(deploy)?.is_some();
    lacking_for(platform, deploy, manifests)?.1.refuse_missing(deploy, exists)
}

/// The config with all that app.json adds, and the names that were added.
pub(super) fn filled(
    platform: &Platform,
    deploy: &DeployRef,
    manifests: &Manifests,
) -> Result<(ConfigSnapshot, Vec<ConfigKey>), Failure> {
    let (config, lacking) = lacking_for(platform, deploy, manifests)?;
    lacking.refuse_missing(deploy, true)?;
    let (config, changed) = config.apply(&lacking.change()?)?;
    Ok((config, changed.set))
}
