//! Builds that take what there is: processes, time, memory, the server's attention.

use super::{build_with, is_confined, refused, serving};
use crate::world::World;
use std::time::{Duration, Instant};

#[test]
fn a_build_that_never_ends_or_forks_for_ever_is_ended_by_its_time() {
    let test = "a_build_that_never_ends_or_forks_for_ever_is_ended_by_its_time";
    let world = World::new();
    if !is_confined(&world, test) {
        return world.leave();
    }
    let app = serving(&world);
    let words = ["longer than 3s", "timeout = \"45m\"", "v1 goes on serving"];
    let stubborn = "trap '' TERM INT HUP; (trap '' TERM; setsid sleep 1000) & \
                    while :; do sleep 1; done";
    for script in [stubborn, "bomb() { bomb | bomb & }; bomb; sleep 1000"] {
        build_with(&app, "timeout = \"3s\"", script);
        let began = Instant::now();
        refused(&world, &app, 3, &words[..2]);
        assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    }
    world.leave();
}

#[test]
fn a_build_that_starts_too_many_processes_or_too_large_ones_is_ended_by_its_limits() {
    let test = "a_build_that_starts_too_many_processes_or_too_large_ones_is_ended_by_its_limits";
    let world = World::new();
    if !is_confined(&world, test) {
        return world.leave();
    }
    let app = serving(&world);
    build_with(&app, "", "while :; do sleep 1000 & done");
    refused(&world, &app, 3, &["fork"]);
    build_with(&app, "memory = \"64M\"", "python3 -c \"print(len('x' * 500_000_000))\"");
    refused(&world, &app, 3, &["memory limit was reached"]);
    world.leave();
}

#[test]
fn what_a_build_leaves_running_is_ended_with_it() {
    let world = World::new();
    let app = serving(&world);
    build_with(&app, "", "setsid sleep 1000 </dev/null & echo started");
    let began = Instant::now();
    let _ = app.xii(&["deploy"]).ok().says(&["started"]);
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
    assert_eq!(app.body("/"), "v2 web.1");
    world.leave();
}

#[test]
fn a_gigabyte_of_output_fills_neither_the_server_nor_its_ledger() {
    let world = World::new();
    let app = serving(&world);
    let script = "yes $(head -c 2000 /dev/zero | tr '\\0' x) | head -c 1000000000\n\
                  head -c 100000000 /dev/zero | tr '\\0' y; echo; echo the end";
    build_with(&app, "", script);
    let before = memory(world.server_pid());
    let began = Instant::now();
    let _ = app.xii(&["deploy"]).ok().says(&["the rest is left out"]);
    let (took, after) = (began.elapsed(), memory(world.server_pid()));
    eprintln!("1.1 GB of output took {took:?}, the server grew from {before} to {after} KiB");
    assert!(after < before + 200 * 1024, "from {before} to {after} KiB");
    let ledger = world.home().join("ledger.db").metadata().unwrap().len();
    assert!(ledger < 32 << 20, "{ledger} bytes");
    // Its last words are kept, and they are one line of five megabytes.
    build_with(&app, "", "head -c 5000000 /dev/zero | tr '\\0' y; echo; echo the end; exit 9");
    let said = app.xii(&["deploy"]).refused(3, &["the end", "exit code 9"]);
    let failure = said.err.rsplit("error").next().unwrap().len();
    assert!(failure < 100_000, "an error is to be read: {failure} bytes");
    world.leave();
}

/// The most it ever had, in KiB.
fn memory(pid: i32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}
