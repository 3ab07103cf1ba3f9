//! As packaging/README.md says, on a machine that has nothing of xii's.

use super::Check;
use super::machine::Machine;

pub const CHECKS: [Check; 4] = [
    ("the machine is a stock Debian 12: kernel 6.1, systemd, cgroup v2 alone", stock),
    ("the units start, and say so when the server serves", units_start),
    ("xii doctor finds isolation full", doctor),
    (
        "keepers and router are in the instances' unit, the server is alone in its own",
        units_are_apart,
    ),
];

fn stock(machine: &mut Machine) {
    let found = machine.ok("uname -r; cat /etc/debian_version; systemctl --version | head -1
        stat -fc %T /sys/fs/cgroup; grep -c cgroup /proc/mounts");
    println!("   {}", found.replace('\n', ", "));
    for word in ["6.1.", "12.", "systemd 252", "cgroup2fs"] {
        assert!(found.contains(word), "{word} is not in {found}");
    }
    assert!(found.ends_with("\n1\n"), "one cgroup hierarchy: {found}");
}

fn units_start(machine: &mut Machine) {
    machine.ok("
        install -m 755 load/xii /usr/bin/xii
        install -m 644 load/packaging/*.service /etc/systemd/system/
        systemctl daemon-reload
        systemctl enable --now xii-instances.service xii-server.service
        systemctl is-active xii-instances xii-server
        # Ready means that it answers now.
        xii status
        systemd-analyze verify xii-instances.service xii-server.service xii-router.service");
}

fn doctor(machine: &mut Machine) {
    let said = machine.ok("xii doctor");
    assert!(said.contains("isolation") && said.contains(" full"), "{said}");
    assert!(machine.ok("xii status").contains("full"));
}

fn units_are_apart(machine: &mut Machine) {
    // Before the first instance; `deploys` looks at the keepers.
    let server = machine.ok("cat /sys/fs/cgroup/system.slice/xii-server.service/cgroup.procs");
    let main = machine.ok("systemctl show -P MainPID xii-server");
    assert_eq!(server, main, "the server is alone");
    machine.ok(
        "grep -q . /sys/fs/cgroup/system.slice/xii-instances.service/xii-*/router/cgroup.procs",
    );
}
