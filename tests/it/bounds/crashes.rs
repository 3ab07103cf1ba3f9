//! Processes that end when they should not, or do not when they should.

use super::{FAST, app, nobody_else_suffers};
use crate::world::World;
use std::time::Instant;

#[test]
fn an_app_that_exits_or_goes_into_the_background_is_refused_with_its_status() {
    let world = World::new();
    let good = world.deployed("good");
    let short = [
        ("zero", "web: true", "exit 0"),
        ("one", "web: exit 1", "exit 1"),
        ("daemon", "web: setsid python3 -u web.py & sleep 0.3; exit 0", "exit 0"),
        ("absent", "web: exec no-such-program", "exit 127"),
    ];
    for (name, procfile, how) in short {
        let bad = app(&world, name, procfile, "");
        let how = format!("web.1 crashed before it was ready: {how}");
        let _ = bad.xii(&["deploy"]).refused(3, &[&how]);
        assert!(world.ps(name).is_empty(), "{name} still runs");
    }
    nobody_else_suffers(&world, &good);
    world.leave();
}

#[test]
fn ps_says_when_a_crashed_instance_comes_back_and_why_it_went() {
    let world = World::new();
    let good = world.deployed("good");
    let bad = app(&world, "bad", "web: python3 -u web.py & sleep 2; exit 1", "");
    let _ = bad.xii(&["deploy"]).ok();
    let text = world.until("two crashes", || {
        let text = bad.xii(&["ps"]).ok().out;
        text.contains("(2nd time)").then_some(text)
    });
    let line = text.lines().find(|line| line.starts_with("web.1")).unwrap();
    assert!(line.contains("crashed, restarting in "), "{line}");
    assert!(line.contains("s (2nd time): exit 1"), "{line}");
    nobody_else_suffers(&world, &good);
    let began = Instant::now();
    let _ = bad.xii(&["destroy", "--confirm", "bad/production"]).ok();
    assert!(began.elapsed() < 2 * FAST, "{:?}", began.elapsed());
    world.leave();
}

#[test]
fn an_app_that_ignores_sigterm_is_killed_after_its_own_window() {
    let world = World::new();
    let settings = "[process.web]\nstop_window = \"1s\"";
    let bad = app(&world, "bad", "web: exec python3 odd.py stubborn", settings);
    let _ = bad.xii(&["deploy"]).ok();
    let began = Instant::now();
    let _ = bad.xii(&["stop"]).ok();
    assert!(began.elapsed() < 3 * FAST, "{:?}", began.elapsed());
    let log = bad.xii(&["logs", "-n", "100"]).ok().out;
    assert!(log.contains("Error R12 (Exit timeout)"), "{log}");
    assert!(log.contains("within 1 second of SIGTERM"), "{log}");
    world.leave();
}
