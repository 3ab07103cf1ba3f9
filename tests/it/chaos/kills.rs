//! `kill -9` of anything, at any moment of any change.

use super::observed::{
    State, deployed, procfile, recorded, releases, until_ports_agree, until_reached,
};
use super::random::Random;
use super::victims::{ALL, Victim, pids, strike};
use crate::world::{Checkout, Said, World};
use std::collections::{BTreeMap, BTreeSet};
use std::process::{Child, Stdio};

const APP: &str = "app";

#[derive(Debug, Clone)]
enum Change {
    Deploy(u64),
    Set(String),
    Scale { web: u64, worker: u64 },
    Rollback(u64),
    Restart,
}

/// What is known to be, because a command has said so.
struct Known {
    state: State,
    /// Acknowledged releases, with the code and config of each.
    releases: BTreeMap<u64, State>,
    seen: BTreeSet<u64>,
}

#[test]
fn fifty_kills_lose_nothing_acknowledged() {
    let most = std::env::var("XII_TEST_KILLS").ok().and_then(|text| text.parse().ok());
    let mut random = Random::seeded("fifty_kills_lose_nothing_acknowledged");
    let world = World::new();
    let app = deployed(&world, APP, 1);
    let (state, number) = recorded(&world, APP);
    let releases = BTreeMap::from([(number, state.clone())]);
    let mut known = Known { state, releases, seen: BTreeSet::new() };
    let mut killed = BTreeMap::new();
    let mut round = 1;
    while killed.values().sum::<u64>() < most.unwrap_or(50) {
        round += 1;
        let change = choose(&mut random, &known, round);
        let said = disturb(&world, &app, &change, &mut random, &mut killed);
        check(&world, &mut known, &change, &said);
    }
    eprintln!("{round} changes, killed: {killed:?}, acknowledged: {:?}", known.releases.keys());
    drop(app);
    world.leave();
}

fn choose(random: &mut Random, known: &Known, round: u64) -> Change {
    let earlier: Vec<u64> = known.releases.keys().copied().collect();
    match random.below(6) {
        0 | 1 => Change::Deploy(round),
        2 => Change::Set(round.to_string()),
        3 => Change::Scale { web: 1 + random.below(2), worker: random.below(3) },
        4 if earlier.len() > 1 => Change::Rollback(earlier[earlier.len() - 2]),
        _ => Change::Restart,
    }
}

/// Runs the change and kills up to three processes meanwhile.
fn disturb(
    world: &World,
    app: &Checkout<'_>,
    change: &Change,
    random: &mut Random,
    killed: &mut BTreeMap<String, u64>,
) -> Said {
    let mut child = begin(app, change);
    for _ in 0..=random.below(3) {
        // The moment of the fault: this wait is what is random about it.
        std::thread::sleep(random.up_to_ms(1200));
        let victim = *random.pick(&ALL);
        let Some(pid) = strike(world, victim, random) else { continue };
        eprintln!("  {change:?}: {victim:?} {pid}");
        *killed.entry(format!("{victim:?}")).or_default() += 1;
    }
    if pids(world, Victim::Server).is_empty() {
        let _ = world.xii(&["up"]).ok();
    }
    world.until("the command ends", || child.try_wait().unwrap());
    child.wait_with_output().unwrap().into()
}

fn begin(app: &Checkout<'_>, change: &Change) -> Child {
    let words: Vec<String> = match change {
        Change::Deploy(code) => {
            app.commit(&[("Procfile", &procfile(*code))]);
            vec!["deploy".into()]
        }
        Change::Set(value) => vec!["config".into(), "set".into(), format!("COLOUR={value}")],
        Change::Scale { web, worker } => {
            vec!["scale".into(), format!("web={web}"), format!("worker={worker}")]
        }
        Change::Rollback(to) => vec!["rollback".into(), format!("v{to}")],
        Change::Restart => vec!["restart".into()],
    };
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut command = app.command(&words);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// The change is done or has not been; if it was acknowledged it is done.
fn check(world: &World, known: &mut Known, change: &Change, said: &Said) {
    let (found, number) = recorded(world, APP);
    let after = after(known, change);
    let as_it_was = found == known.state;
    assert!(
        found == after || (said.code != 0 && as_it_was),
        "{known_} → {after:?} by {change:?}, but {found:?}: {said:?}",
        known_ = format_args!("{:?}", known.state)
    );
    check_releases(world, known);
    if said.code == 0 {
        known.releases.insert(number, found.clone());
    }
    known.state = found;
    until_reached(world, APP, &known.state, number);
    until_ports_agree(world, APP);
}

fn after(known: &Known, change: &Change) -> State {
    let mut state = known.state.clone();
    match change {
        Change::Deploy(code) => state.code = *code,
        Change::Set(value) => _ = state.config.insert("COLOUR".to_string(), value.clone()),
        Change::Scale { web, worker } => (state.web, state.worker) = (*web, *worker),
        Change::Rollback(to) => {
            let State { code, config, .. } = known.releases[to].clone();
            (state.code, state.config) = (code, config);
        }
        Change::Restart => {}
    }
    state
}

fn check_releases(world: &World, known: &mut Known) {
    let all = releases(world, APP);
    let numbers: BTreeSet<u64> = all.iter().map(|r| r["number"].as_u64().unwrap()).collect();
    assert!(numbers.is_superset(&known.seen), "{:?} had been there: {all:#?}", known.seen);
    for release in all {
        let number = release["number"].as_u64().unwrap();
        assert_ne!(release["status"], "pending", "{release:#?}");
        if known.releases.contains_key(&number) {
            assert_eq!(release["status"], "active", "{release:#?}");
        }
    }
    known.seen = numbers;
    let _ = world.xii(&["releases", "verify", "-a", APP]).ok();
}
