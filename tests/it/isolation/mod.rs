//! An app that wants out: what it tries as a web process, a one-off, a release phase and a
//! build, and what comes of it at each level of isolation. An attempt that succeeds where it
//! must not is a failing test; what may succeed is written down here, with its reason.

mod holds;
mod report;
mod table;
mod trial;

use crate::world::World;
use report::Report;
use std::collections::BTreeMap;

/// Nothing may be possible but what is expected and written down.
#[track_caller]
fn holds_as_promised(level: &str, reports: &[Report]) {
    let mut wrong = Vec::new();
    for Report { context, tried } in reports {
        assert!(tried.len() > 100, "{context} at {level} tried too little: {tried:#?}");
        wrong.extend(tried.iter().filter(|tried| tried.is_broken()).map(|t| (context, t)));
        let holes = tried.iter().filter(|tried| {
            tried.is_possible() && holds::why_possible(level, &tried.what).is_none()
        });
        wrong.extend(holes.map(|tried| (context, tried)));
    }
    let lines = wrong
        .iter()
        .map(|(context, t)| format!("{context}: {} | {} | {}", t.what, t.verdict, t.word));
    let lines: Vec<String> = lines.collect();
    assert!(lines.is_empty(), "at {level}:\n{}", lines.join("\n"));
    let lacks = table::lacks(reports);
    assert!(lacks.is_empty(), "not in {}, `just isolation`: {lacks:?}", table::path().display());
}

#[test]
fn an_app_that_wants_out_stays_in_at_the_level_full() {
    let test = "an_app_that_wants_out_stays_in_at_the_level_full";
    let world = World::new();
    if !crate::bounds::is_full(&world, test) {
        return world.leave();
    }
    let reports = trial::all(&world);
    holds_as_promised("full", &reports);
    world.leave();
}

#[test]
fn without_root_an_app_that_wants_out_gets_no_further_than_the_table_says() {
    let test = "without_root_an_app_that_wants_out_gets_no_further_than_the_table_says";
    if !rustix::process::geteuid().is_root() {
        return eprintln!("SKIP {test}: only root can become a user without privileges");
    }
    let _turn = crate::bounds::rootless_turn();
    let world = World::rootless();
    assert_eq!(world.health()["isolation"], "user-namespace");
    let reports = trial::all(&world);
    holds_as_promised("user-namespace", &reports);
    world.leave();
}

#[test]
#[ignore = "writes docs/reliability/isolation.md: `just isolation`"]
fn the_table_of_what_holds_at_each_level() {
    let _turn = crate::bounds::rootless_turn();
    let worlds = [World::new, World::without_firewall_and_limits, World::rootless];
    let names = ["full", "namespaces, without limits, without a firewall", "user-namespace"];
    let mut levels = BTreeMap::new();
    for ((world, name), level) in worlds.into_iter().zip(names).zip(holds::LEVELS) {
        let world = world();
        assert_eq!(world.health()["isolation"], name);
        levels.insert(level, trial::all(&world));
        world.leave();
    }
    table::write(&levels);
    for (level, reports) in &levels {
        holds_as_promised(level, reports);
    }
}
