//! Changes of every kind, one after another, that visitors do not notice.

use super::app::procfile;
use super::tally::Report;
use super::{Timeline, Visitors, deployed};
use crate::chaos::{end_server, recorded, replace_router, until_reached};
use crate::world::{Checkout, Said, World};
use rustix::process::Signal;
use std::process::Stdio;
use std::time::Instant;

/// Each followed by one of another kind.
const CHANGES: [&[&str]; 20] = [
    &["deploy"],
    &["scale", "web=2"],
    &["config", "set", "COLOUR=red"],
    &["restart"],
    &["rollback"],
    &["scale", "web=1", "worker=1"],
    &["deploy"],
    &["rollback"],
    &["config", "set", "COLOUR=blue", "SIZE=2"],
    &["scale", "web=3"],
    &["restart", "web"],
    &["deploy"],
    &["scale", "web=1"],
    &["config", "unset", "SIZE"],
    &["rollback"],
    &["scale", "web=2", "worker=0"],
    &["restart", "web.1"],
    &["deploy"],
    &["restart"],
    &["rollback"],
];

/// What else happens, besides each change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Besides {
    Nothing,
    /// A planned restart of the router while the change is under way.
    RouterDuring,
    RouterAfter,
    ServerTermAfter,
    ServerKilledAfter,
}

const BESIDES: [Besides; 7] = [
    Besides::Nothing,
    Besides::RouterDuring,
    Besides::ServerTermAfter,
    Besides::RouterAfter,
    Besides::Nothing,
    Besides::ServerKilledAfter,
    Besides::RouterDuring,
];

#[test]
fn twenty_changes_under_load_fail_no_request_and_close_no_kept_connection() {
    let name = "twenty_changes_under_load_fail_no_request_and_close_no_kept_connection";
    let report = changes_under_load(name, 20, 0, &[Besides::Nothing]);
    assert_eq!(report.told_to_close, 0, "kept connections survive every change");
    assert!(report.told_to_go > 0, "WebSockets are told to go");
}

/// `just load`: a hundred of them, and as many more as a hundred thousand requests take.
#[test]
fn changes_and_restarts_under_load_fail_no_request() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let changes = number("XII_TEST_CHANGES").unwrap_or(7);
    let requests = number("XII_TEST_REQUESTS").unwrap_or(0);
    let name = "changes_and_restarts_under_load_fail_no_request";
    let report = changes_under_load(name, changes as usize, requests, &BESIDES);
    assert!(report.told_to_go > 0 && report.told_to_close > 0, "nobody was handed over");
}

fn changes_under_load(test: &str, changes: usize, requests: u64, besides: &[Besides]) -> Report {
    let world = World::new();
    let app = deployed(&world, "app", 0);
    let mut timeline = Timeline::of(1);
    let visitors = Visitors::of(&world, "app");
    let began = Instant::now();
    let mut made = 0;
    // A short run is still one of each kind.
    let stride = (CHANGES.len() / changes.max(1)).max(1);
    while made < changes || visitors.answered() < requests {
        let (words, besides) =
            (CHANGES[made * stride % CHANGES.len()], besides[made % besides.len()]);
        made += 1;
        change(&world, &app, made as u64, words, besides, &mut timeline);
    }
    let took = began.elapsed();
    let report = visitors.end(&world, test, &timeline);
    eprintln!("{made} changes in {took:.0?}");
    let (state, release) = recorded(&world, "app");
    until_reached(&world, "app", &state, release);
    drop(app);
    world.leave();
    report
}

fn change(
    world: &World,
    app: &Checkout<'_>,
    round: u64,
    words: &[&str],
    besides: Besides,
    timeline: &mut Timeline,
) {
    if words[0] == "deploy" {
        app.commit(&[("Procfile", &procfile(round))]);
    }
    let began = Instant::now();
    let mut command = app.command(words);
    let running = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    if besides == Besides::RouterDuring {
        replace_router(world);
    }
    let said: Said = running.wait_with_output().unwrap().into();
    let _ = said.ok();
    timeline.push(began, recorded(world, "app").1);
    match besides {
        Besides::RouterAfter => replace_router(world),
        Besides::ServerTermAfter => end_server(world, Signal::TERM),
        Besides::ServerKilledAfter => end_server(world, Signal::KILL),
        Besides::Nothing | Besides::RouterDuring => {}
    }
    if matches!(besides, Besides::ServerTermAfter | Besides::ServerKilledAfter) {
        let _ = world.xii(&["up"]).ok();
    }
}
