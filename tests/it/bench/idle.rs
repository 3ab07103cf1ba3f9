//! What a platform costs while nothing happens: ten instances of a program that sleeps.
//! `just bench-idle`

use super::peers::Podman;
use super::{compile_first, cpu_ms, first_app, pss};
use crate::cgroup_v2;
use crate::chaos::{Victim, pids};
use crate::stage::open_to_all;
use crate::world::World;
use std::time::Duration;

const WATCHED: Duration = Duration::from_secs(30);

#[test]
#[ignore = "a figure, not a test"]
fn an_idle_platform_with_ten_instances() {
    let world = World::new();
    let app = first_app(&world, "first");
    let _ = app.xii(&["scale", "first=10"]).ok();
    println!("| what | processes | PSS | CPU |\n|---|---|---|---|");
    let kinds = [
        ("xii server", Victim::Server),
        ("xii router", Victim::Router),
        ("its keeper", Victim::RouterKeeper),
        ("10 keepers", Victim::Keeper),
    ];
    let groups: Vec<_> = kinds.iter().map(|(name, kind)| (*name, pids(&world, *kind))).collect();
    report("xii, all of it", &groups);
    drop(app);
    world.leave();
}

/// podman has no server: a container's conmon is what a keeper is.
#[test]
#[ignore = "a figure, not a test"]
fn ten_idle_containers_of_podman() {
    let folder = tempfile::tempdir().unwrap();
    open_to_all(folder.path());
    let podman = Podman::new(folder.path(), &compile_first(folder.path()));
    let names: Vec<String> =
        (0..10).map(|n| format!("xii-bench-{}-{n}", std::process::id())).collect();
    cgroup_v2::absent(|| {
        for name in &names {
            assert!(podman.detached(name).output().unwrap().status.success());
        }
        let conmons: Vec<i32> = names.iter().map(|name| conmon_of(name)).collect();
        println!("| what | processes | PSS | CPU |\n|---|---|---|---|");
        report("podman, all of it", &[("10 conmons", conmons)]);
        for name in &names {
            let removed = Podman::podman(&["rm", "--force", "--time", "0", name]).output();
            assert!(removed.unwrap().status.success());
        }
    });
}

fn conmon_of(name: &str) -> i32 {
    let words = ["inspect", "--format", "{{.State.ConmonPid}}", name];
    let output = Podman::podman(&words).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
}

fn report(all: &str, groups: &[(&str, Vec<i32>)]) {
    let used = |pids: &[i32]| pids.iter().map(|pid| cpu_ms(*pid)).sum::<f64>();
    let before: Vec<f64> = groups.iter().map(|(_, pids)| used(pids)).collect();
    // What is measured is this time.
    std::thread::sleep(WATCHED);
    let (mut count, mut memory, mut cpu) = (0, 0.0, 0.0);
    for ((name, pids), before) in groups.iter().zip(before) {
        let weight: f64 = pids.iter().map(|pid| pss(*pid)).sum();
        let share = (used(pids) - before) / WATCHED.as_secs_f64() / 10.0;
        println!("| {name} | {} | {weight:.1} MB | {share:.2} % |", pids.len());
        (count, memory, cpu) = (count + pids.len(), memory + weight, cpu + share);
    }
    println!("| {all} | {count} | {memory:.1} MB | {cpu:.2} % |");
}
