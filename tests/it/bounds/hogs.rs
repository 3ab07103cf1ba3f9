//! Apps that take all memory or all processes they can get.

use super::{app, is_full, nobody_else_suffers};
use crate::world::World;

#[test]
fn an_app_that_takes_all_memory_is_ended_and_named_and_comes_back() {
    let world = World::new();
    if !is_full(&world, "an_app_that_takes_all_memory_is_ended_and_named_and_comes_back") {
        return world.leave();
    }
    let good = world.deployed("good");
    let settings = "[process.web]\nmemory = \"48M\"";
    let bad = app(&world, "bad", "web: exec python3 odd.py hog", settings);
    let _ = bad.xii(&["deploy"]).ok();
    world.until("ps names the reason", || {
        let _ = world.get(&bad.host(), "/hog");
        bad.xii(&["ps"]).ok().out.contains("out of memory (R14)").then_some(())
    });
    let log = bad.xii(&["logs", "-n", "100"]).ok().out;
    assert!(log.contains("Error R14 (Memory quota exceeded)"), "{log}");
    nobody_else_suffers(&world, &good);
    world.until("it is back", || (world.get(&bad.host(), "/").status == 200).then_some(()));
    world.leave();
}

#[test]
fn an_app_that_forks_without_end_stays_within_its_limit_and_can_be_stopped() {
    let world = World::new();
    if !is_full(&world, "an_app_that_forks_without_end_stays_within_its_limit") {
        return world.leave();
    }
    let good = world.deployed("good");
    let procfile = "web: exec python3 -u web.py\nbomb: exec python3 odd.py forks";
    let bad = app(&world, "bad", procfile, "[process.bomb]\npids = 40");
    let _ = bad.xii(&["deploy"]).ok();
    let _ = bad.xii(&["scale", "bomb=1"]).ok();
    nobody_else_suffers(&world, &good);
    let _ = bad.xii(&["stop", "bomb"]).ok();
    assert_eq!(world.ps("bad").len(), 1);
    world.leave();
}
