//! A deploy, read from top to bottom: build → release → release phase → roll out → postdeploy →
//! receipt.

use super::building;
use super::code::{NewCode, cut};
use super::declared::require_config;
use super::measure::Measure;
use super::phase::release_phase;
use super::postdeploy::postdeploy;
use super::prune::prune;
use super::roll_out::roll_out;
use super::{Journal, Platform, Receipt};
use crate::app::{DeployRef, Failure, ManifestTexts, Manifests};
use crate::build::Workspace;
use crate::codebase::Facts;
use crate::release::{self, Commit, Reason, Release, Stack};
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
    let parsed = Manifests::parse(&manifests)?.for_deploy(&deploy.deploy);
    // Again: it may have changed while this waited for its turn.
    require_config(platform, &deploy, &parsed)?;
    let built = building::build(platform, journal, &deploy, &facts, workspace).await?;
    let new = NewCode {
        deploy,
        build: built.digest,
        stack: built.stack,
        commands: built.commands.into_iter().chain(parsed.commands).collect(),
        manifests,
        commit: Some(commit(facts)),
        reason: Reason::Deploy,
        by,
    };
    let release = cut(platform, journal, new)?;
    finish(platform, journal, &release, Phase::Run).await?;
    prune(platform, journal).await;
    postdeploy(platform, journal, &release).await?;
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

/// What a release on this stack would run on now: only the host moves by itself.
pub(super) fn stack_now(platform: &Platform, stack: &Stack) -> Stack {
    match stack.is_host() {
        true => self::stack(platform),
        false => stack.clone(),
    }
}

pub(super) fn stack(platform: &Platform) -> Stack {
    Stack { name: Stack::HOST.to_string(), fingerprint: platform.found.stack.to_string() }
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
