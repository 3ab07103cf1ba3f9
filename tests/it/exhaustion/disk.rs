//! The disk of the home is full, to the last block.

use super::{all_is_well, complains, unnoticed};
use crate::chaos::{Victim, pids, recorded, until_reached};
use crate::load;
use crate::world::{World, is_alive, kill};
use rustix::process::Signal;
use std::io::{BufRead as _, BufReader};
use std::process::Stdio;

/// More than a build asks for.
const DISK_MIB: u64 = 2048;

fn world(test: &str) -> Option<World> {
    let world = World::on_a_disk(DISK_MIB);
    if world.is_none() {
        eprintln!("SKIP {test}: no file system can be mounted here");
    }
    world
}

#[test]
fn a_full_disk_stops_builds_and_nothing_else() {
    let test = "a_full_disk_stops_builds_and_nothing_else";
    let Some(world) = world(test) else { return };
    let app = load::deployed(&world, "app", 0);
    let _ = app.xii(&["scale", "worker=1"]).ok();
    unnoticed(&world, test, || {
        world.disk().fill();
        world.until("lines are lost", || {
            let before = last_beat(&world);
            std::thread::sleep(std::time::Duration::from_millis(300));
            (last_beat(&world) == before).then_some(())
        });
        complains(&world, "disk", &["nearly full", "0K free"]);
        app.commit(&[]);
        let _ = app.xii(&["deploy"]).refused(1, &["nearly full", "running apps are not touched"]);
        let _ = app.xii(&["scale", "web=2"]).ok();
        assert_eq!(app.xii(&["run", "echo", "hello"]).ok().out, "hello\n");
        let _ = app.xii(&["stop", "worker"]).ok();
        let _ = app.xii(&["start", "worker"]).ok();
        world.kill_server();
        let _ = world.xii(&["up"]).ok();
        let (state, release) = recorded(&world, "app");
        until_reached(&world, "app", &state, release);
    });
    let _ = app.xii(&["config", "set", "COLOUR=red"]).ok();
    let _ = app.xii(&["rollback"]).ok();
    // As when an hour begins: there is no room for the folder of the next logs.
    let logs = world.home().join("logs");
    std::fs::rename(logs.join("app"), logs.join("before")).unwrap();
    let _ = app.xii(&["restart"]).ok();
    // Somebody else's death is made up for, although it takes a new port and a new number.
    let old = pids(&world, Victim::Keeper);
    old.iter().for_each(|pid| kill(*pid, Signal::KILL));
    world.until("they are gone", || old.iter().all(|pid| !is_alive(*pid)).then_some(()));
    let (state, release) = recorded(&world, "app");
    until_reached(&world, "app", &state, release);
    let _ = world.xii(&["down"]).ok();
    world.up();
    until_reached(&world, "app", &state, release);
    world.disk().empty();
    world.until("what was lost is counted", || {
        world.log("app").contains("Error L10 (output buffer overflow)").then_some(())
    });
    let before = last_beat(&world);
    world.until("the log goes on", || (last_beat(&world) != before).then_some(()));
    all_is_well(&world, &app);
    drop(app);
    world.leave();
}

fn last_beat(world: &World) -> String {
    world.xii(&["logs", "-a", "app", "--ps", "worker", "--source", "app", "-n", "1"]).ok().out
}

#[test]
fn a_disk_that_becomes_full_in_a_build_ends_the_build() {
    let test = "a_disk_that_becomes_full_in_a_build_ends_the_build";
    let Some(world) = world(test) else { return };
    let app = load::deployed(&world, "app", 0);
    unnoticed(&world, test, || {
        app.commit(&[("xii.toml", "[build]\ncommand = \"echo now; sleep 60\"\n")]);
        let mut deploy = app.command(&["deploy"]);
        let mut deploy = deploy.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(deploy.stderr.take().unwrap()).lines().map(Result::unwrap);
        // The command's own step has begun: before it, other words tell that the disk is full.
        let begun = said.find(|line| line.trim() == "now");
        assert!(begun.is_some(), "the build did not begin");
        world.disk().fill();
        let rest = said.collect::<Vec<_>>().join("\n");
        assert_eq!(deploy.wait().unwrap().code(), Some(1), "{rest}");
        for words in ["nearly full", "the build was ended"] {
            assert!(rest.contains(words), "{words:?} is not in:\n{rest}");
        }
        world.disk().empty();
    });
    app.commit(&[("xii.toml", "[build]\ncommand = \"true\"\n")]);
    all_is_well(&world, &app);
    drop(app);
    world.leave();
}
