//! Stacks of Debian packages as deploys see them: which roots releases still need, newer ones,
//! and moving a deploy to a newer one without building it again.

use super::building::blocking;
use super::spine::{Phase, finish};
use super::{Journal, Platform};
use crate::app::{DeployRef, Digest, Failure, ReleaseNumber};
use crate::build::stack::{self, Change, Pruned, Record, Suite, Wanted};
use crate::keeper::Cancel;
use crate::release::{self, KEPT_RELEASES, NewRelease, Reason, Release, Stack};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// On a thread that may wait; what is said goes into the journal.
async fn working<T: Send + 'static>(
    journal: &Arc<Journal>,
    work: impl FnOnce(&Cancel, &mut dyn FnMut(&str)) -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    let (said, cancel) = (journal.clone(), Cancel::new()?);
    let ending = cancel.clone();
    let work = move || work(&ending, &mut |line| said.output(format!("       {line}")));
    blocking(journal, &cancel, work).await
}

/// The releases that need a root: those whose builds are kept, and whatever runs.
pub type Users = BTreeMap<Digest, BTreeSet<(DeployRef, ReleaseNumber)>>;

pub fn stack_users(platform: &Platform) -> Result<Users, Failure> {
    let running = super::prune::running_releases(platform)?;
    let mut users = Users::new();
    for record in platform.host().ledger.deploys()? {
        let (ledger, deploy) = (&platform.host().ledger, &record.deploy);
        let mut releases = release::recent(ledger, deploy, KEPT_RELEASES as u32)?;
        let of_deploy = running.iter().filter(|(of, _)| of == deploy).map(|(_, number)| *number);
        for number in of_deploy.chain(record.current) {
            releases.extend(release::look_up(ledger, deploy, number)?);
        }
        for release in releases {
            if let Some(digest) = release.stack.digest() {
                users.entry(digest).or_default().insert((deploy.clone(), release.number));
            }
        }
    }
    Ok(users)
}

/// A deploy on a root that is no longer the newest of its wish.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Behind {
    pub deploy: DeployRef,
    pub name: String,
    pub from: Digest,
    pub to: Digest,
}

/// The deploys that newer roots were made for.
pub fn behind(platform: &Platform) -> Result<Vec<Behind>, Failure> {
    let host = platform.host();
    let mut found = Vec::new();
    for record in host.ledger.deploys()? {
        let Some(head) = release::head(&host.ledger, &host.key, &record.deploy)? else { continue };
        found.extend(newer(platform, &head)?);
    }
    Ok(found)
}

fn newer(platform: &Platform, head: &Release) -> Result<Option<Behind>, Failure> {
    let home = &platform.host().home;
    let (Some(from), Some(_)) = (head.stack.digest(), head.build) else { return Ok(None) };
    let Some(record) = stack::read(home, &from)? else { return Ok(None) };
    let wishes = stack::wishes(home)?;
    let wish = wishes.into_iter().find(|wish| wish.wanted == record.wanted);
    let to = wish.map(|wish| wish.digest).filter(|to| *to != from);
    let (deploy, name) = (head.deploy.clone(), head.stack.name.clone());
    Ok(to.map(|to| Behind { deploy, name, from, to }))
}

/// Makes new roots of the newest packages, of one suite or of all. Nothing that runs changes.
pub async fn upgrade_stacks(
    platform: &Platform,
    journal: &Arc<Journal>,
    suite: Option<Suite>,
) -> Result<(), Failure> {
    let wishes = stack::wishes(&platform.host().home)?;
    let wanted: BTreeSet<Wanted> = wishes
        .into_iter()
        .map(|wish| wish.wanted)
        .filter(|wanted| suite.is_none_or(|suite| suite == wanted.suite))
        .collect();
    if wanted.is_empty() {
        journal.note("there is no stack to upgrade; the first deploy on one makes it");
    }
    for wanted in wanted {
        let phase = journal.phase(&format!("upgrade {wanted}"));
        let (host, archive) = (platform.host().clone(), platform.archive.clone());
        let work = move |cancel: &Cancel, said: &mut dyn FnMut(&str)| {
            stack::upgrade(&host.home, &archive, &wanted, cancel, said)
        };
        let (old, new, changes) = working(journal, work).await?;
        changes.iter().for_each(|change: &Change| journal.note(format!("  {change}")));
        phase.done(match old.digest == new.digest {
            true => format!("{} has the newest packages", new.digest.short()),
            false => format!("{} → {}", old.digest.short(), new.digest.short()),
        });
    }
    Ok(())
}

/// The same build, config and commands on the newest root of its wish, as a new release.
/// `None` when it is there already.
pub async fn rebase(
    platform: &Platform,
    journal: &Arc<Journal>,
    deploy: &DeployRef,
    by: &str,
) -> Result<Option<ReleaseNumber>, Failure> {
    let host = platform.host();
    let Some(head) = release::head(&host.ledger, &host.key, deploy)? else { return Ok(None) };
    let Some(Behind { name, from, to, .. }) = newer(platform, &head)? else { return Ok(None) };
    let phase = journal.phase(&format!("release of {deploy}"));
    let new = NewRelease {
        deploy: deploy.clone(),
        build: head.build,
        stack: Stack { name: name.clone(), fingerprint: to.to_string() },
        config: head.open_config(&host.key)?,
        commands: head.commands,
        manifests: head.manifests,
        commit: head.commit,
        attachments: head.attachments,
        reason: Reason::Stack { name, from, to },
        by: by.to_string(),
        at: Timestamp::now(),
    };
    let release = release::cut(&host.ledger, &host.key, &new)?;
    phase.done(format!("{}: {}", release.number, release.reason));
    finish(platform, journal, &release, Phase::Run).await?;
    Ok(Some(release.number))
}

/// Removes the roots that nothing needs, and the packages that no root needs.
pub async fn prune_stacks(platform: &Platform, journal: &Arc<Journal>) -> Result<Pruned, Failure> {
    let phase = journal.phase("prune");
    let used = stack_users(platform)?.into_keys().collect();
    let host = platform.host().clone();
    let pruned =
        working(journal, move |_, _| stack::prune(&host.home, &used, Timestamp::now())).await?;
    for digest in &pruned.roots {
        journal.note(format!("  {} removed", digest.short()));
    }
    let bytes = crate::app::format_size(pruned.bytes);
    phase.done(format!("{} stacks and {} packages, {bytes}", pruned.roots.len(), pruned.packages));
    Ok(pruned)
}

/// Makes a root again from its kept packages alone.
pub async fn verify_stack(
    platform: &Platform,
    journal: &Arc<Journal>,
    digest: Digest,
) -> Result<(), Failure> {
    let phase = journal.phase(&format!("verify {}", digest.short()));
    let host = platform.host().clone();
    working(journal, move |cancel, said| stack::remake(&host.home, &digest, cancel, said)).await?;
    phase.done("made again from its packages: the same to the last byte");
    Ok(())
}

/// The root a user means by its digest or the beginning of it.
pub fn stack_named(platform: &Platform, text: &str) -> Result<Digest, Failure> {
    let found = stack::named(&platform.host().home, text)?;
    match found.as_slice() {
        [digest] => Ok(*digest),
        [] => Err(Failure::usage(format!("there is no stack {text:?}"))
            .next("`xii stacks` lists them with their digests")),
        _ => Err(Failure::usage(format!("{text:?} is the beginning of several stacks"))
            .next("write more of its digest")),
    }
}

/// Every root on the disk, and whether it is the one that builds get now.
pub fn stack_list(platform: &Platform) -> Result<Vec<(Record, bool)>, Failure> {
    let home = &platform.host().home;
    let current: BTreeSet<Digest> =
        stack::wishes(home)?.into_iter().map(|wish| wish.digest).collect();
    let records = stack::list(home)?.into_iter();
    Ok(records.map(|record| (record.clone(), current.contains(&record.digest))).collect())
}
