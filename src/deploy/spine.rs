//! A deploy, read from top to bottom: build → release → release phase → roll out → receipt.

use super::building::{self, Built};
use super::measure::Measure;
use super::phase::release_phase;
use super::prune::prune;
use super::roll_out::roll_out;
use super::{Journal, Platform, Receipt};
use crate::app::{DeployRef, Failure, Formation, ManifestTexts, Manifests};
use crate::build::Workspace;
use crate::codebase::Facts;
use crate::config::ConfigSnapshot;
use crate::release::{self, Commit, NewRelease, Reason, Release, Stack};
use jiff::Timestamp;
use std::sync::Arc;

/// A source tree that has arrived, and where it is to go.
pub struct Deploy {
    pub deploy: DeployRef,
    pub facts: Facts,
    pub workspace: Workspace,
    pub by: String,
}

/// Whatever fails, the old release keeps serving.
pub async fn deploy(
    platform: &Platform,
    journal: &Arc<Journal>,
    request: Deploy,
) -> Result<Receipt, Failure> {
    let measure = Measure::begin(platform, &request.deploy).await;
    let manifests = ManifestTexts::read(&request.workspace.source())?;
    let Deploy { deploy, facts, workspace, by } = request;
    let built = building::build(platform, journal, &deploy, &facts, workspace).await?;
    let release = cut(platform, journal, NewCode { deploy, facts, by, manifests, built })?;
    finish(platform, journal, &release, Phase::Run).await?;
    prune(platform, journal).await;
    Ok(measure.receipt(platform, journal, "deployed", Vec::new()).await)
}

/// Whether the release phase runs: on deploys and config changes, not on rollbacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Run,
    Skip,
}

/// From a release that is cut to one that serves; a release that fails says why for ever.
pub(super) async fn finish(
    platform: &Platform,
    journal: &Journal,
    release: &Release,
    phase: Phase,
) -> Result<(), Failure> {
    let result = async {
        if phase == Phase::Run {
            release_phase(platform, journal, release).await?;
        }
        roll_out(platform, journal, release).await
    };
    let result = result.await;
    if let Err(failure) = &result {
        let host = platform.host();
        let (key, deploy) = (&host.key, &release.deploy);
        let now = Timestamp::now();
        release::fail(&host.ledger, key, deploy, release.number, &failure.message, now)?;
    }
    result
}

struct NewCode {
    deploy: DeployRef,
    facts: Facts,
    by: String,
    manifests: ManifestTexts,
    built: Built,
}

fn cut(platform: &Platform, journal: &Journal, new: NewCode) -> Result<Release, Failure> {
    let host = platform.host();
    let phase = journal.phase("release");
    let parsed = Manifests::parse(&new.manifests)?;
    let head = release::head(&host.ledger, &host.key, &new.deploy)?;
    let config = match &head {
        Some(head) => head.open_config(&host.key)?,
        None => ConfigSnapshot::default(),
    };
    if head.as_ref().is_none_or(|head| head.build.is_none()) {
        adopt_formation(platform, &new.deploy, &parsed)?;
    }
    let mut commands = new.built.commands.clone();
    commands.extend(parsed.commands);
    let release = release::cut(
        &host.ledger,
        &host.key,
        &NewRelease {
            deploy: new.deploy,
            build: Some(new.built.digest),
            stack: new.built.stack,
            config,
            commands,
            manifests: new.manifests,
            commit: Some(commit(new.facts)),
            attachments: head.map(|head| head.attachments).unwrap_or_default(),
            reason: Reason::Deploy,
            by: new.by,
            at: Timestamp::now(),
        },
    )?;
    phase.done(release.number.to_string());
    Ok(release)
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

/// What a release on this stack would run on now: only the host moves by itself.
pub(super) fn stack_now(platform: &Platform, stack: &Stack) -> Stack {
    match stack.is_host() {
        true => self::stack(platform),
        false => stack.clone(),
    }
}

pub(super) fn stack(platform: &Platform) -> Stack {
    Stack { name: Stack::HOST.to_string(), fingerprint: platform.toolchains.stack.to_string() }
}

fn commit(facts: Facts) -> Commit {
    Commit {
        id: facts.commit,
        tree: facts.tree,
        branch: facts.branch,
        subject: facts.subject,
        dirty: facts.dirty,
    }
}
