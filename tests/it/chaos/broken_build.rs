//! The server dies in the middle of a build.

use super::observed::{deployed, recorded, until_reached};
use super::victims::{Victim, pids};
use crate::world::{World, kill};
use rustix::process::Signal;
use std::process::Stdio;

/// Ignores SIGTERM, has a child of its own and half a result.
const ENDLESS: &str =
    "[build]\ncommand = \"trap '' TERM; echo half > half; setsid sleep 613; sleep 613\"\n";

#[test]
fn a_build_whose_server_is_killed_leaves_no_process_and_nothing_half_made() {
    let world = World::new();
    let app = deployed(&world, "app", 1);
    let before = (entries(&world, "builds"), entries(&world, "tmp"));
    app.commit(&[("xii.toml", ENDLESS)]);
    let mut command = app.command(&["deploy"]);
    let mut deploy = command.stderr(Stdio::null()).spawn().unwrap();
    world.until("the build runs", || (!sleepers(&world).is_empty()).then_some(()));
    pids(&world, Victim::Server).iter().for_each(|pid| kill(*pid, Signal::KILL));
    let _ = world.xii(&["up"]).ok();
    world.until("the build's processes are gone", || sleepers(&world).is_empty().then_some(()));
    assert_eq!((entries(&world, "builds"), entries(&world, "tmp")), before);
    let ended = world.until("the command ends", || deploy.try_wait().unwrap());
    assert!(!ended.success());
    let (state, release) = recorded(&world, "app");
    assert_eq!(release, 1);
    until_reached(&world, "app", &state, release);
    app.commit(&[("xii.toml", "[build]\ncommand = \"true\"\n")]);
    let _ = app.xii(&["deploy"]).ok();
    drop(app);
    world.leave();
}

/// The names in one of the home's folders.
fn entries(world: &World, folder: &str) -> Vec<String> {
    let entries = std::fs::read_dir(world.home().join(folder)).unwrap().flatten();
    let mut names: Vec<_> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// Processes of the endless build: they are in a cgroup of this home.
fn sleepers(world: &World) -> Vec<i32> {
    let home = format!("xii-{}", world.home_id());
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_string_lossy().parse().ok());
    let read = |pid: i32, file: &str| {
        std::fs::read_to_string(format!("/proc/{pid}/{file}")).unwrap_or_default()
    };
    pids.filter(|pid: &i32| read(*pid, "cgroup").contains(&home))
        .filter(|pid| read(*pid, "cmdline").contains("613"))
        .collect()
}
