//! Keepers with real processes: how instances end, restart and are ended.

use crate::stage::*;
use std::time::{Duration, Instant};
use xii::keeper::{Answer, Notice, Request, StateWord, records};

pub fn root(test: &str) -> bool {
    !skip_without_root(test)
}

pub fn ask(connection: &mut xii::keeper::Connection, request: &Request) {
    assert_eq!(connection.request(request, PATIENCE).unwrap(), Answer::Accepted);
}

const STOP: Request = Request::Stop { window_ms: None };

#[test]
fn exit_codes_and_signals_pass_through() {
    if !root("exit_codes_and_signals_pass_through") {
        return;
    }
    let (exit, log) = Stage::shell("exit 7").run();
    assert_eq!((exit.code, exit.signal, exit.oom), (Some(7), None, false), "{log}");
    assert!(log.contains("Starting process with command `exit 7`"), "{log}");
    assert!(log.contains("Process exited with status 7"), "{log}");
    let (exit, _) = Stage::shell("kill -9 $$").run();
    assert_eq!((exit.code, exit.signal, exit.status()), (None, Some(9), 137));
}

#[test]
fn sigterm_ends_a_plain_sleep_at_once() {
    if !root("sigterm_ends_a_plain_sleep_at_once") {
        return;
    }
    let mut stage = Stage::new(&["sleep", "1000"]).restarted(1000, 1000, 1000);
    let mut connection = stage.start();
    wait_for(&mut connection, |notice| *notice == Notice::Ready);
    let asked = Instant::now();
    ask(&mut connection, &STOP);
    assert_eq!(final_exit(&mut connection).signal, Some(15));
    assert_eq!(next(&mut connection), Notice::Stopped);
    assert!(asked.elapsed() < Duration::from_secs(15), "it ran into the window");
    stage.nothing_is_left();
    assert!(!stage.spec.record.exists(), "a stopped instance left its record");
}

#[test]
fn an_app_that_ignores_sigterm_is_killed_after_the_window() {
    if !root("an_app_that_ignores_sigterm_is_killed_after_the_window") {
        return;
    }
    let mut stage = Stage::shell("trap '' TERM; echo up; while :; do sleep 1; done");
    stage.spec.stop_window_ms = 300;
    let mut connection = stage.start();
    stage.wait_for_log("up\n");
    ask(&mut connection, &STOP);
    assert_eq!(final_exit(&mut connection).signal, Some(9));
    let log = stage.log();
    assert!(log.contains("Error R12 (Exit timeout)"), "{log}");
    stage.nothing_is_left();
}

#[test]
fn a_kill_shortens_a_stop() {
    if !root("a_kill_shortens_a_stop") {
        return;
    }
    let mut stage = Stage::shell("trap '' TERM; echo up; while :; do sleep 1; done");
    stage.spec.stop_window_ms = 3_600_000;
    let mut connection = stage.start();
    stage.wait_for_log("up\n");
    ask(&mut connection, &STOP);
    assert_eq!(status(&mut connection).state, StateWord::Stopping);
    ask(&mut connection, &Request::Kill);
    assert_eq!(final_exit(&mut connection).signal, Some(9));
    stage.nothing_is_left();
}

#[test]
fn what_a_main_process_leaves_behind_dies_with_it() {
    if !root("what_a_main_process_leaves_behind_dies_with_it") {
        return;
    }
    let script = "trap '' TERM HUP; setsid sh -c 'trap \"\" TERM; sleep 1000' & \
                  (setsid sleep 1000 &) ; sleep 0.2; exit 3";
    let (exit, _) = Stage::shell(script).run();
    assert_eq!(exit.code, Some(3));
}

#[test]
fn a_crashing_app_is_restarted_with_back_off_in_a_fresh_tmp() {
    if !root("a_crashing_app_is_restarted") {
        return;
    }
    let script = "ls -A /tmp; echo x > /tmp/left; exit 5";
    let mut stage = Stage::shell(script).restarted(200, 400, 60_000);
    let mut connection = stage.start();
    for expected in 1..=3 {
        assert_eq!(final_exit(&mut connection).code, Some(5));
        let notice = wait_for(&mut connection, |n| matches!(n, Notice::Restarting { .. }));
        assert!(matches!(notice, Notice::Restarting { n, .. } if n == expected), "{notice:?}");
    }
    let now = wait_until("a back-off", || {
        let now = status(&mut connection);
        (now.state == StateWord::BackingOff).then_some(now)
    });
    assert!(now.restart_at.is_some() && now.restarts >= 3 && now.incarnation >= 3, "{now:?}");
    assert_eq!(now.nonce, stage.spec.nonce);
    ask(&mut connection, &STOP);
    wait_for(&mut connection, |notice| *notice == Notice::Stopped);
    let log = stage.log();
    assert!(!log.contains("left\n"), "/tmp was not fresh: {log}");
    assert!(log.contains("(3rd time)"), "{log}");
    stage.nothing_is_left();
}

#[test]
fn a_restart_on_request_is_at_once_and_no_crash() {
    if !root("a_restart_on_request_is_at_once_and_no_crash") {
        return;
    }
    let mut stage = Stage::new(&["sleep", "1000"]).restarted(60_000, 60_000, 60_000);
    let mut connection = stage.start();
    wait_for(&mut connection, |notice| *notice == Notice::Ready);
    ask(&mut connection, &Request::Restart);
    wait_for(&mut connection, |notice| *notice == Notice::Started { incarnation: 2 });
    let now = status(&mut connection);
    assert_eq!((now.restarts, now.crashes), (1, 0));
    ask(&mut connection, &Request::Signal { signal: 9 });
    assert_eq!(final_exit(&mut connection).signal, Some(9));
    wait_for(&mut connection, |notice| *notice == Notice::Started { incarnation: 3 });
    ask(&mut connection, &STOP);
    wait_for(&mut connection, |notice| *notice == Notice::Stopped);
    stage.nothing_is_left();
}

#[test]
fn killing_the_keeper_ends_the_instance() {
    if !root("killing_the_keeper_ends_the_instance") {
        return;
    }
    let mut stage = Stage::shell("setsid sleep 1000 & sleep 1000").restarted(0, 0, 0);
    let uid = stage.spec.sandbox.user.uid;
    let mut connection = stage.start();
    wait_for(&mut connection, |notice| *notice == Notice::Ready);
    assert!(processes_of(uid).len() >= 2);
    let folder = stage.path().join("records");
    let (_, record) = records(&folder).unwrap().remove(0);
    assert_eq!((Some(record.pid), record.alive()), (stage.pid, true));
    let pid = rustix::process::Pid::from_raw(record.pid).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    wait_until("the instance to end", || processes_of(uid).is_empty().then_some(()));
    wait_until("the keeper to end", || (!record.alive()).then_some(()));
    assert!(connection.status(PATIENCE).is_err());
    assert!(stage.cgroup().destroy(PATIENCE), "its cgroup cannot be removed");
    let left = records(&folder).unwrap();
    assert_eq!(left.len(), 1, "the record is the starter's to remove");
    stage.pid = None;
}

#[test]
fn a_final_result_is_in_the_record_for_a_server_that_was_away() {
    if !root("a_final_result_is_in_the_record") {
        return;
    }
    let mut stage = Stage::shell("exit 9");
    drop(stage.start());
    let folder = stage.path().join("records");
    let record = wait_until("a result", || {
        let (_, record) = records(&folder).unwrap().pop()?;
        record.result.is_some().then_some(record)
    });
    assert_eq!(record.result.unwrap().code, Some(9));
    stage.nothing_is_left();
    assert!(stage.spec.record.exists());
}

#[test]
fn a_flood_of_output_starves_neither_status_nor_stop() {
    if !root("a_flood_of_output") {
        return;
    }
    let mut stage = Stage::new(&["yes", "x".repeat(200).as_str()]);
    let mut connection = stage.start();
    wait_for(&mut connection, |notice| *notice == Notice::Ready);
    assert_eq!(status(&mut connection).state, StateWord::Running);
    ask(&mut connection, &STOP);
    assert_eq!(final_exit(&mut connection).signal, Some(15));
    stage.nothing_is_left();
}

#[test]
fn nonsense_on_the_socket_is_refused_and_harms_nobody() {
    if !root("nonsense_on_the_socket_is_refused") {
        return;
    }
    let mut stage = Stage::new(&["sleep", "1000"]);
    let mut connection = stage.start();
    let nonsense = [
        &b"\xff\x00"[..],
        b"{}",
        br#"{"v":2,"request":"status"}"#,
        br#"{"v":1,"request":"explode"}"#,
    ];
    for bytes in nonsense {
        rustix::net::send(connection.handle(), bytes, rustix::net::SendFlags::empty()).unwrap();
    }
    let mut refused = 0;
    while refused < nonsense.len() {
        // Answers nobody asked this connection for are odd to it, and say why.
        match connection.next_event(PATIENCE) {
            Err(failure) => {
                assert!(failure.message.contains("Refused"), "{failure}");
                refused += 1;
            }
            Ok(notice) => assert!(notice.is_some()),
        }
    }
    assert_eq!(status(&mut connection).nonce, stage.spec.nonce);
    ask(&mut connection, &Request::Kill);
    final_exit(&mut connection);
    stage.nothing_is_left();
}
