//! Everything dies at once and the run folder is empty, as after a reboot.

use super::observed::{deployed, recorded, until_reached};
use super::victims::{Victim, pids};
use crate::world::{Checkout, World, is_alive, kill};
use rustix::process::Signal;
use std::process::{Child, Stdio};

const WEB: usize = 9;

#[test]
fn after_a_reboot_all_that_is_wanted_runs_again_and_a_release_phase_is_not_repeated() {
    let world = World::new();
    let app = deployed(&world, "app", 1);
    let _ = app.xii(&["scale", &format!("web={WEB}"), "worker=1"]).ok();
    let (state, release) = recorded(&world, "app");
    let (host, migrated) = (app.host(), deployed(&world, "migrated", 1));
    let mut deploy = begin_release_phase(&world, &migrated);
    drop((app, migrated));
    pull_the_plug(&world);
    deploy.kill().unwrap();
    deploy.wait().unwrap();
    world.up();
    // The router holds what comes before the first instance is there.
    assert_eq!(world.get(&host, "/").status, 200);
    let most = most_starting_until(&world, WEB + 1);
    let cores = std::thread::available_parallelism().unwrap().get();
    assert!(most <= 2 * cores, "{most} booted at once");
    until_reached(&world, "app", &state, release);
    until_reached(&world, "migrated", &recorded(&world, "migrated").0, 1);
    release_phase_is_unknown(&world);
    world.leave();
}

/// A deploy whose release phase is running, and will be for long.
fn begin_release_phase(world: &World, app: &Checkout<'_>) -> Child {
    let procfile = format!("{}release: echo migrating; sleep 611\n", super::observed::procfile(2));
    app.commit(&[("Procfile", &procfile)]);
    let mut command = app.command(&["deploy"]);
    let deploy = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    world.until("the release phase runs", || {
        let logs = world.xii(&["logs", "-a", "migrated", "-n", "1000"]).ok();
        logs.out.lines().any(|line| line.ends_with(": migrating")).then_some(())
    });
    deploy
}

fn pull_the_plug(world: &World) {
    let kinds = [Victim::Server, Victim::RouterKeeper, Victim::Router, Victim::Keeper];
    let all: Vec<i32> = kinds.iter().flat_map(|kind| pids(world, *kind)).collect();
    // The server first: nobody is to start anything again.
    all.iter().for_each(|pid| kill(*pid, Signal::KILL));
    world.until("everything is gone", || (!all.iter().any(|pid| is_alive(*pid))).then_some(()));
    std::fs::remove_dir_all(world.run_dir()).unwrap();
}

/// How many routed ones were seen booting at once until so many instances were up. What listens
/// has booted, or is about to answer.
fn most_starting_until(world: &World, up: usize) -> usize {
    let mut most = 0;
    world.until("all are up", || {
        let instances = world.ps("app");
        let booting = instances.iter().filter(|i| i["state"] == "starting").filter(|i| {
            i["port"].as_u64().is_some_and(|port| !is_listening(u16::try_from(port).unwrap()))
        });
        most = most.max(booting.count());
        (instances.iter().filter(|i| i["state"] == "up").count() == up).then_some(most)
    })
}

/// By the list of sockets, for an instance's port can be reached by the router only.
fn is_listening(port: u16) -> bool {
    let sockets = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let local = format!(":{port:04X} 00000000:0000 0A");
    sockets.lines().any(|line| line.contains(&local))
}

fn release_phase_is_unknown(world: &World) {
    let releases = super::observed::releases(world, "migrated");
    let failed = releases.iter().find(|release| release["number"] == 2).unwrap();
    assert_eq!(failed["status"], "failed");
    assert!(failed["why_failed"].as_str().unwrap().starts_with("unknown: "), "{failed:#?}");
    let logs = world.xii(&["logs", "-a", "migrated", "-n", "1000"]).ok().out;
    let begun = logs.lines().filter(|line| line.ends_with(": migrating")).count();
    assert_eq!(begun, 1, "{logs}");
}
