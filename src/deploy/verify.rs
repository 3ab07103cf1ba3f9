//! Builds looked at again: whether their files are still theirs, and whether a commit, built a
//! second time with empty caches, gives the same bytes. No
//! release and nothing that runs is touched.

use super::building::{make, record, tree_id};
use super::planning::plan_and_fetch;
use super::spine::Deploy;
use super::{Journal, Platform};
use crate::app::{AppName, DeployRef, Digest, Failure};
use crate::build::{self, build_key, differing};
use crate::release;
use crate::run::Host;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Whose caches are used: they are emptied afterwards, so that nothing is taken from them.
const NOBODYS: &str = "xii-verify";

/// The same digest, or a failure that names the first files that differ.
pub async fn verify_build(
    platform: &Platform,
    journal: &Arc<Journal>,
    request: Deploy,
) -> Result<(), Failure> {
    let Deploy { deploy, facts, workspace, .. } = request;
    let host = platform.host();
    let phase = journal.phase("build");
    let plan = plan_and_fetch(platform, journal, &deploy.deploy, &workspace).await?;
    let key = build_key(&plan, &tree_id(&facts));
    let known = host.ledger.build_by_key(&key)?;
    let known = known.ok_or_else(|| not_built(&facts.commit))?.digest;
    let _one_at_a_time = platform.verifying.lock().await;
    let app: AppName =
        NOBODYS.parse().map_err(|error| Failure::internal("a name is none").because(error))?;
    build::remove_cache(&host.home, &app)?;
    let made = make(host, journal, &app, &plan, &facts, (workspace, None)).await;
    build::remove_cache(&host.home, &app)?;
    let made = made?;
    if made.digest != known {
        // In the ledger like any other, so that it goes when old builds go.
        record(
            host,
            &Digest::of(format!("again {key}").as_bytes()),
            &deploy.app,
            &facts,
            &plan,
            &made,
        )?;
        return Err(another(host, &known, &made.digest)?);
    }
    phase.done(format!("{} again, from empty caches", known.short()));
    Ok(())
}

/// What is wrong with the builds that a deploy's releases need, and how many were looked at.
pub async fn damaged_builds(
    platform: &Platform,
    deploy: &DeployRef,
) -> Result<(u64, Vec<String>), Failure> {
    let mut builds: BTreeMap<Digest, Vec<String>> = BTreeMap::new();
    let host = platform.host().clone();
    for release in release::list(&host.ledger, deploy)? {
        let Some(build) = release.build else { continue };
        // One that was pruned is not missed.
        if host.ledger.build(&build)?.is_some_and(|record| record.pruned_at.is_none()) {
            builds.entry(build).or_default().push(release.number.to_string());
        }
    }
    let looking = tokio::task::spawn_blocking(move || {
        let problem = |(build, releases): (&Digest, &Vec<String>)| {
            let failure = build::check_build(&host.home, build).err()?;
            let next = failure.next.as_deref().unwrap_or_default();
            Some(format!("{}: {failure}; {next}", releases.join(", ")))
        };
        (builds.len() as u64, builds.iter().filter_map(problem).collect())
    });
    looking.await.map_err(|error| Failure::internal("looking at builds broke off").because(error))
}

fn not_built(commit: &str) -> Failure {
    Failure::usage(format!("{commit:.7} is not built here as it would be built now"))
        .next("`xii deploy` builds it; `xii build --explain` says what would be made again")
}

fn another(host: &Host, known: &Digest, made: &Digest) -> Result<Failure, Failure> {
    let paths = differing(&host.home.build(known), &host.home.build(made))?;
    let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    Ok(Failure::app("the same commit gave another build")
        .why(format!("it was {}, and came out as {}", known.short(), made.short()))
        .why(format!("these files differ first: {}", names.join(", ")))
        .next("pin what is not pinned, and keep times, random names and addresses out of what the build writes"))
}
