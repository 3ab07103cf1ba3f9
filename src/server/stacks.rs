//! Stacks: what there is, and the long work on them as operations of the whole host.

use super::answer::{Answer, Body};
use super::api::{Changed, How, StackInfo, StackName, Stacks, StacksUpgrade};
use super::changes::{BY, audit};
use super::http::Api;
use super::operations::Operations;
use crate::app::Failure;
use crate::build::stack::Suite;
use crate::deploy::{self, Behind, Journal, Platform};
use crate::release;
use axum::Json;
use axum::extract::State as Shared;
use std::collections::BTreeSet;
use std::sync::Arc;

pub async fn stacks(Shared(api): Shared<Api>) -> Answer<Stacks> {
    let users = deploy::stack_users(&api.platform)?;
    let mut stacks = Vec::new();
    for (record, newest) in deploy::stack_list(&api.platform)? {
        let releases = users.get(&record.digest).cloned().unwrap_or_default();
        let deploys: BTreeSet<String> =
            releases.iter().map(|(deploy, _)| deploy.to_string()).collect();
        stacks.push(StackInfo {
            name: record.wanted.suite.to_string(),
            digest: record.digest.to_string(),
            declared: record.wanted.packages.iter().map(ToString::to_string).collect(),
            packages: record.packages.into_iter().map(|(name, is)| (name, is.version)).collect(),
            size_bytes: record.size,
            made_at: record.made_at,
            newest,
            releases: releases.len() as u64,
            deploys: deploys.into_iter().collect(),
        });
    }
    let host = api.platform.found.stack.to_string();
    let ledger = &api.platform.host().ledger;
    let mut host_releases = 0;
    for record in ledger.deploys()? {
        let on_host = |release: &release::Release| release.stack.name == release::Stack::HOST;
        host_releases +=
            release::list(ledger, &record.deploy)?.iter().filter(|r| on_host(r)).count();
    }
    Ok(Json(Stacks { host, host_releases: host_releases as u64, stacks }))
}

pub async fn upgrade(
    Shared(api): Shared<Api>,
    Body(request): Body<StacksUpgrade>,
) -> Answer<Changed> {
    let suite = match request.name.as_deref() {
        Some(release::Stack::HOST) => {
            return Err(Failure::usage(
                "the host's own packages are the administrator's to upgrade",
            )
            .next("apt-get upgrade")
            .into());
        }
        name => name.map(str::parse::<Suite>).transpose().map_err(Failure::usage)?,
    };
    audit(&api, if request.rebase { "stacks upgrade --rebase" } else { "stacks upgrade" }, None)?;
    let operations = api.operations.clone();
    let changed =
        api.operations.start_alone("stacks upgrade", BY, move |platform, journal| async move {
            deploy::upgrade_stacks(&platform, &journal, suite).await?;
            let mut behind = deploy::behind(&platform)?;
            behind.retain(|behind| suite.is_none_or(|suite| behind.name == suite.name()));
            match request.rebase {
                true => rebase_all(&operations, &platform, &journal, behind).await?,
                false => behind.iter().for_each(|behind| say_behind(&journal, behind)),
            }
            Ok(None)
        })?;
    Ok(Json(changed))
}

fn say_behind(journal: &Journal, behind: &Behind) {
    let Behind { deploy, name, from, .. } = behind;
    journal.note(format!(
        "{deploy} still runs on {name} {}: its next `xii deploy` moves it, or \
         `xii stacks upgrade --rebase` all",
        from.short()
    ));
}

/// One after the other, each in its turn; one that fails goes on with what it has.
async fn rebase_all(
    operations: &Operations,
    platform: &Arc<Platform>,
    journal: &Arc<Journal>,
    behind: Vec<Behind>,
) -> Result<(), Failure> {
    let mut failed = Vec::new();
    for Behind { deploy, .. } in behind {
        let how = How { wait: true, ..How::default() };
        let turn = operations.turn(&deploy, &how).await?;
        match deploy::rebase(platform, journal, &deploy, BY).await {
            Ok(Some(number)) => journal.note(format!("{deploy} runs on it as {number}")),
            Ok(None) => {}
            Err(failure) => {
                journal.warn(format!("{deploy} goes on with the stack it has: {failure}"));
                failed.push(deploy.to_string());
            }
        }
        drop(turn);
    }
    match failed.is_empty() {
        true => Ok(()),
        false => Err(Failure::app(format!("not moved to the new stack: {}", failed.join(", ")))
            .next("the old releases still serve; why is above, and in `xii logs`")),
    }
}

pub async fn prune(Shared(api): Shared<Api>) -> Answer<Changed> {
    audit(&api, "stacks prune", None)?;
    let changed =
        api.operations.start_alone("stacks prune", BY, |platform, journal| async move {
            deploy::prune_stacks(&platform, &journal).await.map(|_| None)
        })?;
    Ok(Json(changed))
}

pub async fn verify(Shared(api): Shared<Api>, Body(request): Body<StackName>) -> Answer<Changed> {
    let digest = deploy::stack_named(&api.platform, &request.digest)?;
    let changed =
        api.operations.start_alone("stacks verify", BY, move |platform, journal| async move {
            deploy::verify_stack(&platform, &journal, digest).await.map(|()| None)
        })?;
    Ok(Json(changed))
}
