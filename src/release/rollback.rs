//! Going back: a new release with the contents of an old one, byte for byte.

use super::cut::{NewRelease, current, cut, get, look_up, recent};
use super::record::{Reason, Release, Stack, Status};
use super::status::fail;
use crate::app::{DeployRef, Failure, ReleaseNumber};
use crate::config::Key;
use crate::store::Ledger;
use jiff::Timestamp;
use std::collections::BTreeMap;

#[derive(Debug, Clone)]
pub struct Rollback {
    pub deploy: DeployRef,
    pub to: ReleaseNumber,
    /// What the release's stack is today. A `host` stack moves on by itself.
    pub stack: Stack,
    pub by: String,
    pub at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RolledBack {
    /// Pending, as any other that was just cut.
    pub release: Release,
    /// What is no longer as it was then, below the release: `python3.11 deb12u3 → deb12u4`.
    pub below: Vec<String>,
}

/// Cuts a release with the target's build, commands, manifests, config and attachments.
pub fn rollback(ledger: &Ledger, key: &Key, wish: &Rollback) -> Result<RolledBack, Failure> {
    let deploy = &wish.deploy;
    let target = get(ledger, key, deploy, wish.to)?;
    let now = current(ledger, key, deploy)?;
    let newest = recent(ledger, deploy, 1)?.last().map(|release| release.number);
    let target = check_rollback(deploy, wish.to, target, now.as_ref(), newest)?;
    let new = NewRelease {
        deploy: deploy.clone(),
        build: target.build,
        stack: wish.stack.clone(),
        config: target.open_config(key)?,
        commands: target.commands.clone(),
        manifests: target.manifests.clone(),
        commit: target.commit.clone(),
        attachments: target.attachments.clone(),
        reason: Reason::Rollback { to: target.number },
        by: wish.by.clone(),
        at: wish.at,
    };
    let release = cut(ledger, key, &new)?;
    let differences = differences(key, &target, &release)?;
    if differences.is_empty() {
        let below = below(&target.stack, &release.stack);
        return Ok(RolledBack { release, below });
    }
    let why = format!("not identical to {}: {}", target.number, differences.join(", "));
    fail(ledger, key, deploy, release.number, &why, wish.at)?;
    Err(Failure::internal(format!("the rollback of {deploy} is {why}")))
}

/// Whether a rollback to this release is possible; `--plan` asks the same.
pub fn check_rollback(
    deploy: &DeployRef,
    to: ReleaseNumber,
    target: Option<Release>,
    current: Option<&Release>,
    newest: Option<ReleaseNumber>,
) -> Result<Release, Failure> {
    let refuse = |why: String| Failure::usage(format!("cannot roll {deploy} back to {to}: {why}"));
    let list = format!("`xii releases -a {} -d {}` lists them", deploy.app, deploy.deploy);
    let Some(target) = target else {
        let newest = newest.map_or("there is none yet".to_string(), |newest| {
            format!("the releases are v1 to {newest}")
        });
        return Err(refuse(format!("there is no such release; {newest}")).next(list));
    };
    if current.is_some_and(|current| current.number == to) {
        return Err(refuse("it is the current release".to_string())
            .next(format!("to start its processes again: `xii restart -a {}`", deploy.app)));
    }
    match &target.status {
        Status::Failed { why } => return Err(refuse(format!("it failed: {why}")).next(list)),
        Status::Pending => return Err(refuse("it was never active".to_string()).next(list)),
        Status::Active => {}
    }
    if target.build.is_none() {
        let why = "it holds config only and was never built".to_string();
        return Err(refuse(why).next(list));
    }
    if current.is_some_and(|current| current.attachments != target.attachments) {
        return Err(refuse("other resources were attached then".to_string())
            .next("attach the same resources first; `xii releases diff` shows which"));
    }
    Ok(target)
}

/// The release meant by `xii rollback` without a number: the last one that served before this
/// one. A rollback counts as the release it went back to, so that twice goes back twice.
pub fn last_good_before(
    ledger: &Ledger,
    deploy: &DeployRef,
    number: ReleaseNumber,
) -> Result<Option<ReleaseNumber>, Failure> {
    let mut from = number;
    while let Some(release) = look_up(ledger, deploy, from)? {
        match release.reason {
            Reason::Rollback { to } if to < from => from = to,
            _ => break,
        }
    }
    let row = ledger.last_active_row(deploy, Some(from.0), true)?;
    Ok(row.map(|row| ReleaseNumber(row.number.unsigned_abs())))
}

/// What of two releases is not the same, of all that a rollback restores. Config is compared
/// value by value. The stack is not part of it: see [`RolledBack::below`].
pub fn differences(key: &Key, a: &Release, b: &Release) -> Result<Vec<&'static str>, Failure> {
    let checks = [
        ("build", a.build == b.build),
        ("stack", a.stack.name == b.stack.name),
        ("commands", a.commands == b.commands),
        ("manifests", a.manifests == b.manifests),
        ("commit", a.commit == b.commit),
        ("attachments", a.attachments == b.attachments),
        ("config", a.open_config(key)? == b.open_config(key)?),
    ];
    Ok(checks.into_iter().filter(|(_, same)| !same).map(|(name, _)| name).collect())
}

fn below(then: &Stack, now: &Stack) -> Vec<String> {
    if then.fingerprint == now.fingerprint {
        return Vec::new();
    }
    let (then, now) = (packages(&then.fingerprint), packages(&now.fingerprint));
    let names: std::collections::BTreeSet<_> = then.keys().chain(now.keys()).collect();
    let version = |of: &BTreeMap<&str, &str>, name: &str| {
        of.get(name).map_or("(none)".to_string(), |version| (*version).to_string())
    };
    names
        .into_iter()
        .filter(|name| then.get(*name) != now.get(*name))
        .map(|name| format!("{name} {} → {}", version(&then, name), version(&now, name)))
        .collect()
}

/// `package version` pairs, separated by commas.
fn packages(fingerprint: &str) -> BTreeMap<&str, &str> {
    let pairs = fingerprint.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    pairs.map(|pair| pair.split_once(' ').unwrap_or(("", pair))).collect()
}
