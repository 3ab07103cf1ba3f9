//! A keeper that does nothing any more, whatever has brought it there.

use super::nobody_else_suffers;
use crate::world::{World, kill};
use rustix::process::Signal;

#[test]
fn a_keeper_that_does_not_answer_is_ended_with_its_instance() {
    let world = World::new();
    let good = world.deployed("good");
    let deaf = world.deployed("deaf");
    let keeper = i32::try_from(world.ps("deaf")[0]["pid"].as_i64().unwrap()).unwrap();
    kill(keeper, Signal::STOP);
    let _ = deaf.xii(&["stop"]).ok();
    assert!(world.ps("deaf").is_empty());
    nobody_else_suffers(&world, &good);
    let _ = deaf.xii(&["start"]).ok();
    assert!(deaf.body("/").ends_with(" web.1"));
    world.leave();
}
