//! Promoting: what one deploy runs becomes another's next release, the very same bytes with
//! the other's config. Nothing is built.

use super::back::check_build;
use super::code::{NewCode, cut};
use super::formation::current_release;
use super::measure::Measure;
use super::postdeploy::postdeploy;
use super::prune::prune;
use super::spine::{Phase, finish, stack_now};
use super::{Journal, Platform, Receipt};
use crate::app::{DeployRef, Failure};
use crate::release::{self, Reason, Release};

/// What a deploy has to give: its current release, with a build that is still there.
pub fn promotable(platform: &Platform, from: &DeployRef) -> Result<Release, Failure> {
    let source = current_release(platform, from)?;
    check_build(platform, &source, || format!("cannot promote {from} {}", source.number))?;
    Ok(source)
}

/// Whether the target's current release is the same code already.
pub fn has_the_same(
    platform: &Platform,
    to: &DeployRef,
    source: &Release,
) -> Result<bool, Failure> {
    let host = platform.host();
    if host.ledger.deploy(to)?.is_none() {
        return Ok(false);
    }
    let current = release::current(&host.ledger, &host.key, to)?;
    Ok(current.is_some_and(|current| is_same_code(&current, source)))
}

/// All that a promote brings. The machine's own stack is the same for both, whatever it was
/// when either was cut.
fn is_same_code(a: &Release, b: &Release) -> bool {
    a.build == b.build
        && a.commands == b.commands
        && a.manifests == b.manifests
        && (a.stack == b.stack || a.stack.is_host() && b.stack.is_host())
}

pub async fn promote(
    platform: &Platform,
    journal: &Journal,
    source: Release,
    to: DeployRef,
    by: String,
) -> Result<Receipt, Failure> {
    let measure = Measure::begin(platform, &to).await;
    let build = source.build.ok_or_else(|| Failure::internal("nothing was built to promote"))?;
    let (from, number) = (source.deploy.clone(), source.number);
    let new = NewCode {
        deploy: to,
        build,
        stack: stack_now(platform, &source.stack),
        commands: source.commands,
        manifests: source.manifests,
        commit: source.commit,
        reason: Reason::Promote { from: from.deploy.clone(), release: number },
        by,
    };
    let release = cut(platform, journal, new)?;
    finish(platform, journal, &release, Phase::Run).await?;
    prune(platform, journal).await;
    postdeploy(platform, journal, &release).await?;
    let notes = vec![format!("the build of {from} {number}, {}", build.short())];
    Ok(measure.receipt(platform, journal, "promoted", notes).await)
}
