//! How keepers begin, what they may do, and how servers talk to them.

use crate::keeper::{ask, root};
use crate::stage::*;
use xii::keeper::{Client, Notice, Request, StateWord};
use xii::sandbox::process::run_tool;

fn no_trace(stage: &Stage) {
    assert!(!stage.spec.socket.exists(), "a socket is left");
    assert!(!stage.spec.record.exists(), "a record is left");
    let uid = stage.spec.sandbox.user.uid;
    wait_until("no process", || processes_of(uid).is_empty().then_some(()));
    let name = stage.spec.sandbox.cgroup.clone().unwrap();
    let (home, last) = name.split_once('/').unwrap();
    let machine = xii::sandbox::cgroup::Hierarchies::of_this_machine();
    let gone = || (!machine.list(home).contains(&last.to_string())).then_some(());
    wait_until("no cgroup", gone);
}

#[test]
fn a_keeper_that_cannot_leave_its_record_starts_nothing() {
    if !root("a_keeper_that_cannot_leave_its_record_starts_nothing") {
        return;
    }
    let mut stage = Stage::shell("touch /tmp/never; sleep 1000");
    stage.spec.record = stage.path().join("no/such/folder/1.json");
    let failure = xii::keeper::start(xii(), &stage.spec, None, None).unwrap_err();
    assert!(failure.to_string().contains("no/such/folder"), "{failure}");
    assert!(!stage.log().contains("Starting process"), "it was started");
    no_trace(&stage);
}

#[test]
fn a_keeper_that_is_killed_before_its_report_is_ended_and_leaves_nothing() {
    if !root("a_keeper_that_is_killed_before_its_report_is_ended_and_leaves_nothing") {
        return;
    }
    let stage = Stage::new(&["sleep", "1000"]);
    // Everything is done by then but the report.
    let killed = stage.path().join("killed");
    let script = format!("#!/bin/sh\n'{}' keeper > /dev/null\nkill -9 $$\n", xii().display());
    std::fs::write(&killed, script).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&killed, mode).unwrap();
    let failure = xii::keeper::start(&killed, &stage.spec, None, None).unwrap_err();
    assert!(failure.to_string().contains("no report"), "{failure}");
    no_trace(&stage);
}

#[test]
fn half_a_spec_starts_nothing() {
    if !root("half_a_spec_starts_nothing") {
        return;
    }
    let stage = Stage::shell("sleep 1000");
    let spec = serde_json::to_vec(&stage.spec).unwrap();
    let exe = xii().to_str().unwrap();
    let output = run_tool(exe, &["keeper"], &spec[..spec.len() / 2]).unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stdout).contains("spec is not valid"));
    no_trace(&stage);
}

#[test]
fn an_instance_outlives_the_process_that_started_it() {
    if !root("an_instance_outlives_the_process_that_started_it") {
        return;
    }
    let mut stage = Stage::new(&["sleep", "1000"]);
    let spec = serde_json::to_vec(&stage.spec).unwrap();
    // The starter is a shell that is killed right after.
    let exe = xii().to_str().unwrap();
    let script = format!("'{exe}' keeper; kill -9 $$");
    let output = run_tool("sh", &["-c", &script], &spec).unwrap();
    assert!(!output.status.success());
    let (_, record) = xii::keeper::records(&stage.path().join("records")).unwrap().remove(0);
    stage.pid = Some(record.pid);
    let mut connection = xii::keeper::Connection::open(&stage.spec.socket).unwrap();
    wait_for(&mut connection, |notice| *notice == Notice::Ready);
    ask(&mut connection, &Request::Kill);
    final_exit(&mut connection);
    stage.nothing_is_left();
}

#[test]
fn a_keeper_keeps_only_what_a_restart_needs() {
    if !root("a_keeper_keeps_only_what_a_restart_needs") {
        return;
    }
    let mut stage = Stage::new(&["sleep", "1000"]);
    let mut connection = stage.start();
    wait_for(&mut connection, |notice| *notice == Notice::Ready);
    let status_file = format!("/proc/{}/status", stage.pid.unwrap());
    let text = std::fs::read_to_string(status_file).unwrap();
    let set = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        u64::from_str_radix(line.trim(), 16).unwrap()
    };
    // chown, dac_override, fowner, kill, setgid, setuid, setpcap, sys_admin, sys_resource, mknod
    let kept = [0, 1, 3, 5, 6, 7, 8, 21, 24, 27].iter().fold(0, |set, number| set | 1 << number);
    assert_eq!(set("CapEff:") & !kept, 0);
    assert_eq!(set("CapBnd:") & !kept, 0);
    assert!(text.contains("Name:\txii web.1"), "{text}");
    let core = std::fs::read_to_string(format!("/proc/{}/limits", stage.pid.unwrap())).unwrap();
    let line = core.lines().find(|line| line.starts_with("Max core")).unwrap();
    let most = xii::sandbox::sys::NO_CORE.to_string();
    assert_eq!(line.split_whitespace().nth(4), Some(most.as_str()), "{line}");
    ask(&mut connection, &Request::Kill);
    final_exit(&mut connection);
    stage.nothing_is_left();
}

#[test]
fn sigterm_to_a_keeper_is_its_stop_sequence() {
    if !root("sigterm_to_a_keeper_is_its_stop_sequence") {
        return;
    }
    let mut stage = Stage::new(&["sleep", "1000"]).restarted(0, 0, 0);
    let mut connection = stage.start();
    wait_for(&mut connection, |notice| *notice == Notice::Ready);
    let pid = rustix::process::Pid::from_raw(stage.pid.unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(final_exit(&mut connection).signal, Some(15));
    assert_eq!(next(&mut connection), Notice::Stopped);
    stage.nothing_is_left();
}

#[test]
fn a_server_on_tokio_sees_every_event_and_answer_in_order() {
    if !root("a_server_on_tokio_sees_every_event_and_answer_in_order") {
        return;
    }
    let mut stage = Stage::new(&["sleep", "1000"]).restarted(0, 0, 0);
    let blocking = stage.start();
    let socket = stage.spec.socket.clone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut first = Client::connect(&socket).await.unwrap();
        let mut second = Client::connect(&socket).await.unwrap();
        let status = tokio::time::timeout(PATIENCE, first.status()).await.unwrap().unwrap();
        assert_eq!((status.incarnation, status.restarts), (1, 0));
        second.request(&Request::Stop { window_ms: Some(10_000) }).await.unwrap();
        for client in [&mut first, &mut second] {
            let mut seen = Vec::new();
            while let Ok(Ok(notice)) = tokio::time::timeout(PATIENCE, client.next_event()).await {
                seen.push(notice);
            }
            assert_eq!(seen.last(), Some(&Notice::Stopped));
            assert!(matches!(seen[seen.len() - 2], Notice::Exited(_)), "{seen:?}");
        }
        assert!(Client::connect(&socket).await.is_err());
    });
    drop(blocking);
    stage.nothing_is_left();
}

#[test]
fn the_status_names_the_main_process_as_the_host_knows_it() {
    if !root("the_status_names_the_main_process_as_the_host_knows_it") {
        return;
    }
    let mut stage = Stage::new(&["sleep", "1000"]);
    let mut connection = stage.start();
    wait_for(&mut connection, |notice| *notice == Notice::Ready);
    let now = status(&mut connection);
    assert_eq!((now.state, now.ready), (StateWord::Running, true));
    let text = std::fs::read_to_string(format!("/proc/{}/status", now.main_pid.unwrap())).unwrap();
    assert!(text.contains("Name:\tsleep"), "{text}");
    assert!(text.lines().any(|l| l.starts_with("NSpid:") && l.ends_with("\t2")), "{text}");
    ask(&mut connection, &Request::Kill);
    final_exit(&mut connection);
    stage.nothing_is_left();
}
