//! A release of new code, whether it was built for this deploy or comes from another one.

use super::declared::{filled, head};
use super::{Journal, Platform};
use crate::app::ProcessType;
use crate::app::{ConfigKey, DeployRef, Digest, Failure, Formation, ManifestTexts, Manifests};
use crate::release::{self, Commit, NewRelease, Reason, Release, Stack};
use jiff::Timestamp;
use std::collections::BTreeMap;

pub(super) struct NewCode {
    pub deploy: DeployRef,
    pub build: Digest,
    pub stack: Stack,
    pub commands: BTreeMap<ProcessType, String>,
    pub manifests: ManifestTexts,
    pub commit: Option<Commit>,
    pub reason: Reason,
    pub by: String,
}

/// Cuts it with the deploy's own config and attachments.
pub(super) fn cut(
    platform: &Platform,
    journal: &Journal,
    new: NewCode,
) -> Result<Release, Failure> {
    let host = platform.host();
    let phase = journal.phase("release");
    let parsed = Manifests::parse(&new.manifests)?.for_deploy(&new.deploy.deploy);
    let head = head(platform, &new.deploy)?;
    let (config, added) = filled(platform, &new.deploy, &parsed)?;
    if head.as_ref().is_none_or(|head| head.build.is_none()) {
        adopt_formation(platform, &new.deploy, &parsed)?;
    }
    let release = release::cut(
        &host.ledger,
        &host.key,
        &NewRelease {
            deploy: new.deploy,
            build: Some(new.build),
            stack: new.stack,
            config,
            commands: new.commands,
            manifests: new.manifests,
            commit: new.commit,
            attachments: head.map(|head| head.attachments).unwrap_or_default(),
            reason: new.reason,
            by: new.by,
            at: Timestamp::now(),
        },
    )?;
    phase.done(summary(&release, &added));
    Ok(release)
}

/// `v1, config set A, B by app.json`
fn summary(release: &Release, added: &[ConfigKey]) -> String {
    let names: Vec<&str> = added.iter().map(ConfigKey::as_str).collect();
    match names.is_empty() {
        true => release.number.to_string(),
        false => format!("{}, config set {} by app.json", release.number, names.join(", ")),
    }
}

/// app.json's formation counts once, when a deploy gets its first code.
fn adopt_formation(
    platform: &Platform,
    deploy: &DeployRef,
    manifests: &Manifests,
) -> Result<(), Failure> {
    let Formation(first) = manifests.first_formation();
    let known = platform.host().ledger.formation(deploy)?;
    let new = first.into_iter().filter(|(name, _)| !known.contains_key(name)).collect();
    platform.host().ledger.scale(deploy, &new)
}
