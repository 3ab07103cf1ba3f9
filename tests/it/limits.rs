//! Limits with processes that run into them.

use crate::keeper::{ask, root};
use crate::stage::*;
use xii::keeper::Request;
use xii::sandbox::Limits;

#[test]
fn a_memory_hog_is_killed_and_named() {
    if !root("a_memory_hog_is_killed_and_named") {
        return;
    }
    let mut stage = Stage::shell("head -c 200000000 /dev/zero | tail");
    stage.spec.sandbox.limits = Limits { memory_bytes: Some(32 << 20), ..Limits::default() };
    let (exit, log) = stage.run();
    assert!(exit.oom, "{exit:?}");
    assert!(log.contains("Error R14 (Memory quota exceeded)"), "{log}");
}

#[test]
fn a_fork_bomb_stays_within_its_limit() {
    if !root("a_fork_bomb_stays_within_its_limit") {
        return;
    }
    let mut stage = Stage::shell("b() { b & b; }; b & while :; do :; done");
    stage.spec.sandbox.limits = Limits { pids: Some(20), ..Limits::default() };
    let uid = stage.spec.sandbox.user.uid;
    let mut connection = stage.start();
    stage.wait_for_log("fork");
    assert!(processes_of(uid).len() <= 20);
    ask(&mut connection, &Request::Kill);
    final_exit(&mut connection);
    stage.nothing_is_left();
}

#[test]
fn a_child_killed_for_want_of_memory_is_named_while_the_main_process_lives_on() {
    if !root("a_child_killed_for_want_of_memory_is_named") {
        return;
    }
    let mut stage = Stage::shell("head -c 200000000 /dev/zero | tail; echo survived; sleep 1000");
    stage.spec.sandbox.limits = Limits { memory_bytes: Some(32 << 20), ..Limits::default() };
    let mut connection = stage.start();
    stage.wait_for_log("app[web.1]: survived");
    let log = stage.wait_for_log("Error R14 (Memory quota exceeded)");
    assert!(!log.contains("Process exited"), "{log}");
    ask(&mut connection, &Request::Kill);
    final_exit(&mut connection);
    assert_eq!(stage.log().matches("R14").count(), 1);
    stage.nothing_is_left();
}

#[test]
fn a_stopped_process_hears_sigterm() {
    if !root("a_stopped_process_hears_sigterm") {
        return;
    }
    let mut stage = Stage::shell("echo up; kill -STOP $$; sleep 1000");
    stage.spec.stop_window_ms = 3_600_000;
    let mut connection = stage.start();
    stage.wait_for_log("app[web.1]: up");
    ask(&mut connection, &Request::Stop { window_ms: None });
    assert_eq!(final_exit(&mut connection).signal, Some(15));
    stage.nothing_is_left();
}

#[test]
fn stale_cgroups_are_swept_and_kept_ones_are_not() {
    if !root("stale_cgroups_are_swept_and_kept_ones_are_not") {
        return;
    }
    let machine = xii::sandbox::cgroup::Hierarchies::of_this_machine();
    let home = format!("xii-sweep-{}", std::process::id());
    for name in ["1", "2"] {
        machine.create(&format!("{home}/{name}"), &Limits::default()).unwrap();
    }
    assert!(machine.sweep(&home, |name| name == "2", PATIENCE).is_empty());
    assert_eq!(machine.list(&home), ["2"]);
    assert!(machine.sweep(&home, |_| false, PATIENCE).is_empty());
    assert!(machine.list(&home).is_empty());
}

#[test]
fn a_share_of_the_cpu_is_not_exceeded() {
    if !root("a_share_of_the_cpu_is_not_exceeded") {
        return;
    }
    let mut stage = Stage::shell("while :; do :; done");
    stage.spec.sandbox.limits = Limits { cpu_millicores: Some(200), ..Limits::default() };
    let mut connection = stage.start();
    wait_for(&mut connection, |notice| *notice == xii::keeper::Notice::Ready);
    let (before, since) = (stage.cgroup().cpu_usec(), std::time::Instant::now());
    let used = wait_until("some cpu time", || {
        let used = stage.cgroup().cpu_usec() - before;
        (used > 200_000).then_some(used)
    });
    // One more period than the share may be in flight.
    let most = since.elapsed().as_micros() as u64 / 5 + 60_000;
    assert!(used <= most, "{used} of {most} µs");
    assert!(stage.cgroup().memory_bytes() > 0 && stage.cgroup().peak_memory_bytes() > 0);
    ask(&mut connection, &Request::Kill);
    final_exit(&mut connection);
    stage.nothing_is_left();
}
