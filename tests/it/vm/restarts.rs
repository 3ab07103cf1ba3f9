//! What may be restarted without anybody noticing: visitors ask all the while.

use super::Check;
use super::deploys::get;
use super::machine::{Machine, Met};

pub const CHECKS: [Check; 6] = [
    ("systemctl restart xii-server under load: no request fails, no process changes", server),
    ("systemctl restart xii-router under load: no request fails", router),
    ("a server that is killed is started by systemd; no request fails", server_killed),
    ("a deploy under load: no request fails", deploy),
    ("xii down ends all but the unit, xii up asks systemd for the server", down_and_up),
    ("systemctl stop xii-instances stops every app in order, a start brings them back", instances),
];

pub const APPS: &str = "pgrep -f 'python3 (web|ticker).py' | sort";

fn none_failed(met: &Met) {
    println!(
        "   {} requests, {} failed, the longest took {:.2} s",
        met.answered, met.failed, met.longest
    );
    assert!(met.failed == 0 && met.answered > 50, "{}", met.why);
}

fn server(machine: &mut Machine) {
    let before = machine.ok(APPS);
    let met = machine.under_load(|machine| {
        for _ in 0..3 {
            machine.ok("systemctl restart xii-server && xii ps -a crowd");
        }
    });
    assert_eq!(machine.ok(APPS), before);
    none_failed(&met);
}

fn router(machine: &mut Machine) {
    let router = "pgrep -xf 'xii router' | tail -1";
    let before = machine.ok(router);
    let met = machine.under_load(|machine| {
        for _ in 0..3 {
            machine
                .ok("systemctl restart xii-router || { journalctl -u xii-router -n 5; exit 1; }");
        }
    });
    assert_ne!(machine.ok(router), before, "there is a new router");
    none_failed(&met);
}

fn server_killed(machine: &mut Machine) {
    let before = machine.ok(APPS);
    let met = machine.under_load(|machine| {
        machine.ok("systemctl kill -s KILL xii-server");
        machine.until("test $(systemctl show -P NRestarts xii-server) -ge 1 && systemctl is-active xii-server && xii ps -a crowd");
    });
    assert_eq!(machine.ok(APPS), before);
    none_failed(&met);
}

fn deploy(machine: &mut Machine) {
    let met = machine.under_load(|machine| {
        machine.ok("cd crowd && echo two >version && git commit -qam two && xii deploy");
    });
    assert!(machine.ok(&get("crowd")).starts_with("two"));
    none_failed(&met);
}

fn down_and_up(machine: &mut Machine) {
    machine.ok("xii down");
    let state = machine.sh("systemctl is-active xii-server").said;
    assert_eq!(state.trim(), "inactive", "and systemd does not start it again");
    assert_eq!(machine.sh(APPS).said, "");
    machine.ok("systemctl is-active xii-instances");
    machine.ok("xii up && systemctl is-active xii-server");
    machine.until(&get("crowd"));
    assert_eq!(machine.ok("pgrep -xfc '/usr/bin/xii server'").trim(), "1");
}

fn instances(machine: &mut Machine) {
    machine.ok("systemctl stop xii-instances");
    assert_eq!(machine.sh(APPS).said, "");
    assert_eq!(machine.sh("pgrep -af '^(/usr/bin/)?xii '").said, "", "nothing of xii's is left");
    machine.ok("systemctl start xii-server");
    machine.until(&get("crowd"));
    let said = machine.ok("xii logs -a crowd -n 400");
    assert!(said.contains("stopped in order"), "SIGTERM and time: {said}");
}
