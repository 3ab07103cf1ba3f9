//! app.json's `scripts.postdeploy`: once in the life of a deploy, when its first release
//! with code serves. Nothing that goes wrong here takes that release back.

use super::phase::attend;
use super::{Journal, Platform};
use crate::app::{DeployRef, Failure, Manifests, shell_word};
use crate::release::{self, Release};
use crate::run::shell;
use crate::store::OneOffKind;

/// Runs it, if there is one and it is due. The ledger has its row before it starts, and
/// takes no second one: a crash may cost its result, never a second run.
pub(super) async fn postdeploy(
    platform: &Platform,
    journal: &Journal,
    release: &Release,
) -> Result<(), Failure> {
    let Some(command) = declared_by(release) else { return Ok(()) };
    if is_over(platform, &release.deploy)? {
        return Ok(());
    }
    let phase = journal.phase("postdeploy");
    let serves = format!("{} serves all the same", release.number);
    let kind = OneOffKind::Postdeploy;
    let attended = attend(platform, journal, release, kind, shell(&command)).await;
    let exit = attended.map_err(|failure| failure.why(serves.clone()))?;
    if exit.status() != 0 {
        let deploy = &release.deploy;
        let command = shell_word(&command);
        let again = format!("xii run -a {} -d {} -- {command}", deploy.app, deploy.deploy);
        return Err(Failure::app(format!("postdeploy failed: exit {}", exit.status()))
            .why(format!("{serves}; postdeploy is not run again by itself"))
            .next(format!("its output is above, and in `xii logs`; to run it again: {again}")));
    }
    phase.done("exit 0");
    Ok(())
}

fn declared_by(release: &Release) -> Option<String> {
    let manifests = Manifests::parse(&release.manifests).ok()?;
    manifests.for_deploy(&release.deploy.deploy).app_json.postdeploy
}

/// It runs on the first release of code that serves. A later one makes up for it when the
/// server ended between the first one's switch and its postdeploy; a script that was added
/// to app.json later is for deploys to come.
pub(super) fn is_over(platform: &Platform, deploy: &DeployRef) -> Result<bool, Failure> {
    let ledger = &platform.host().ledger;
    if ledger.deploy(deploy)?.is_none() {
        return Ok(false);
    }
    if has_run(platform, deploy)? {
        return Ok(true);
    }
    let first = release::first_served(ledger, deploy)?;
    Ok(first.is_some_and(|release| declared_by(&release).is_none()))
}

fn has_run(platform: &Platform, deploy: &DeployRef) -> Result<bool, Failure> {
    let one_offs = platform.host().ledger.one_offs(deploy, u32::MAX)?;
    Ok(one_offs.iter().any(|one_off| one_off.kind == OneOffKind::Postdeploy))
}
