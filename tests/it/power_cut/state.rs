//! What a ledger says of an app, all of it that a command may acknowledge.

use std::collections::BTreeMap;
use std::path::Path;
use xii::app::{AppName, Digest};
use xii::config::Key;
use xii::release::{self, Status};
use xii::store::Ledger;

/// The deploys of an app, by name.
pub type State = BTreeMap<String, Deploy>;

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Deploy {
    pub current: Option<u64>,
    pub releases: Vec<Release>,
    pub formation: BTreeMap<String, u32>,
    pub stopped: Vec<String>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Release {
    pub number: u64,
    pub build: Option<Digest>,
    pub commands: BTreeMap<String, String>,
    pub reason: String,
    pub config: BTreeMap<String, String>,
    pub status: Status,
}

/// Of one app; and every chain of its releases must hold.
pub fn read(ledger: &Ledger, key: &Key, app: &AppName) -> Result<State, String> {
    let said = |failure: xii::app::Failure| failure.to_string();
    let mut state = State::new();
    if ledger.app(app).map_err(said)?.is_none() {
        return Ok(state);
    }
    for record in ledger.deploys_of(app).map_err(said)? {
        let verdict = release::verify(ledger, key, &record.deploy).map_err(said)?;
        if !verdict.is_intact() {
            return Err(format!("{}: {:?}", record.deploy, verdict.broken));
        }
        let releases = release::list(ledger, &record.deploy).map_err(said)?;
        let releases: Result<_, _> = releases.iter().map(|found| of_release(found, key)).collect();
        let formation = ledger.formation(&record.deploy).map_err(said)?;
        let stopped = ledger.stopped(&record.deploy).map_err(said)?;
        state.insert(
            record.deploy.deploy.to_string(),
            Deploy {
                current: record.current.map(|number| number.0),
                releases: releases.map_err(said)?,
                formation: formation.into_iter().map(|(k, v)| (k.to_string(), v)).collect(),
                stopped: stopped.iter().map(ToString::to_string).collect(),
            },
        );
    }
    Ok(state)
}

fn of_release(release: &release::Release, key: &Key) -> Result<Release, xii::app::Failure> {
    let config = release.open_config(key)?;
    let commands = release.commands.iter();
    Ok(Release {
        number: release.number.0,
        build: release.build,
        commands: commands.map(|(name, text)| (name.to_string(), text.clone())).collect(),
        reason: release.reason.to_string(),
        config: config.0.iter().map(|(k, v)| (k.to_string(), v.reveal().clone())).collect(),
        status: release.status.clone(),
    })
}

/// The ledger of a home in use or at rest.
pub fn open(home: &Path) -> Result<(Ledger, Key), String> {
    let ledger = Ledger::open(&home.join("ledger.db")).map_err(|failure| failure.to_string())?;
    let key = Key::load_or_create(&home.join("key"), &ledger);
    key.map(|key| (ledger, key)).map_err(|failure| failure.to_string())
}

/// Whether `found` is what one acknowledged command left, or lies on the way to what the next
/// one left. `next`: after the command that was under way, if there was one.
pub fn is_between(found: &State, before: &State, next: Option<&State>) -> Result<(), String> {
    let next = next.unwrap_or(before);
    let names = before.keys().chain(next.keys()).chain(found.keys());
    for name in names {
        let (was, will) = (before.get(name), next.get(name));
        match found.get(name) {
            None if was.is_some() && will.is_some() => return Err(format!("{name} is gone")),
            None => {}
            Some(_) if was.is_none() && will.is_none() => return Err(format!("{name} was not")),
            Some(deploy) => deploy_between(deploy, was, will)
                .map_err(|what| format!("{name}: {what}\nfound {deploy:#?}\nwas {was:#?}"))?,
        }
    }
    Ok(())
}

fn deploy_between(
    found: &Deploy,
    was: Option<&Deploy>,
    will: Option<&Deploy>,
) -> Result<(), String> {
    let none = Deploy::default();
    // While it is destroyed it stays what it was.
    let (old, new) = (was.unwrap_or(&none), will.or(was).unwrap_or(&none));
    if found.current != old.current && found.current != new.current {
        return Err(format!("v{:?} is current", found.current));
    }
    if found.formation != old.formation && found.formation != new.formation {
        return Err(format!("the formation is {:?}", found.formation));
    }
    if found.stopped != old.stopped && found.stopped != new.stopped {
        return Err(format!("stopped is {:?}", found.stopped));
    }
    if found.releases.len() < old.releases.len() {
        return Err("a release is lost".to_string());
    }
    for (index, release) in found.releases.iter().enumerate() {
        let same = |other: &Release| Release { status: release.status.clone(), ..other.clone() };
        let old = old.releases.get(index);
        let new = new.releases.get(index);
        let is_under_way = old.is_none() && new.is_some_and(|new| *release == same(new));
        if !is_under_way && old != Some(release) && new != Some(release) {
            return Err(format!("v{} is not as it was cut", release.number));
        }
    }
    Ok(())
}
