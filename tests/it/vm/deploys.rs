//! The README on a bare machine: what a newcomer does first.

use super::Check;
use super::machine::Machine;

pub const CHECKS: [Check; 7] = [
    ("a static site is deployed and answers", static_site),
    ("an app of two process types is deployed and answers", crowd),
    ("a keeper is in the instances' unit, and its app below it", keepers),
    ("scale runs as many as asked for", scale),
    ("config makes a release, and rollback restores the one before", config),
    ("a one-off runs in the release, and its exit code comes back", one_off),
    ("logs show the app's lines, journald the server's", logs),
];

/// At the end: emulated, pip and its packages take minutes.
pub const LAST: [Check; 1] =
    [("the guestbook of examples is deployed, with its packages", guestbook)];

/// A checkout in /root, as a user would have it.
pub fn checkout(machine: &mut Machine, name: &str, from: &str) {
    machine.ok(&format!("
        git config --global user.name Ann; git config --global user.email ann@example.org
        cp -r {from} {name} && cd {name} && git init -q -b main && git add -A && git commit -qm one"));
}

pub fn get(app: &str) -> String {
    format!("curl -sf -m 30 -H 'Host: {app}.localhost' http://127.0.0.1:8080/")
}

fn static_site(machine: &mut Machine) {
    checkout(machine, "static", "load/examples/static");
    machine.ok("cd static && xii deploy");
    assert!(machine.ok(&get("static")).contains("<html"));
}

fn crowd(machine: &mut Machine) {
    checkout(machine, "crowd", "load/vm/app");
    machine.ok("cd crowd && xii deploy && xii scale ticker=1");
    assert_eq!(machine.ok(&get("crowd")).trim(), "one web.1 v1");
}

/// From the package registry that pip knows, so it needs a way out.
fn guestbook(machine: &mut Machine) {
    machine.ok("cp load/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
         ip link set eth0 up; ip addr add 10.0.2.15/24 dev eth0; ip route add default via 10.0.2.2
         echo nameserver 10.0.2.3 >/etc/resolv.conf");
    let way_out = machine.sh(
        "python3 -m venv way && way/bin/pip --timeout 20 --retries 0 download -q --no-deps -d way pip",
    );
    if way_out.code != 0 {
        println!("   not tried: no way to the package registry");
        return;
    }
    checkout(machine, "guestbook", "load/examples/guestbook");
    let ran = machine.patiently("cd guestbook && xii deploy");
    assert_eq!(ran.code, 0, "{}", ran.said);
    assert!(machine.ok(&get("guestbook")).to_lowercase().contains("guestbook"));
    machine.ok("xii apps destroy guestbook --confirm guestbook");
}

fn keepers(machine: &mut Machine) {
    let all = machine.ok("systemd-cgls --no-pager /system.slice/xii-instances.service");
    assert!(all.contains("keepers") && all.contains("web.py"), "{all}");
    let keepers = machine.ok(
        "cat /sys/fs/cgroup/system.slice/xii-instances.service/xii-*/keepers/cgroup.procs | wc -l",
    );
    // static's web.1; crowd's web.1 and ticker.1
    assert_eq!(keepers.trim(), "3", "{all}");
    let beside =
        machine.ok("ls -d /sys/fs/cgroup/xii-* /sys/fs/cgroup/*/xii-????????? 2>/dev/null; true");
    assert_eq!(beside, "", "nothing of xii's lies outside of its units");
}

fn scale(machine: &mut Machine) {
    machine.ok("xii scale -a crowd web=2");
    let seen = machine.ok(&format!("for i in 1 2 3 4 5 6 7 8; do {}; done", get("crowd")));
    assert!(seen.contains("web.1") && seen.contains("web.2"), "{seen}");
}

fn config(machine: &mut Machine) {
    machine.ok("xii config set -a crowd WORD=hello");
    assert!(machine.ok(&get("crowd")).contains("v2 hello"));
    machine.ok("xii rollback -a crowd v1");
    let said = machine.ok(&get("crowd"));
    assert!(said.contains(" v3") && !said.contains("hello"), "{said}");
    machine.ok("xii releases verify -a crowd");
}

fn one_off(machine: &mut Machine) {
    let ran = machine.sh("xii run -a crowd -- sh -c 'cat version; id -u; exit 5'");
    assert_eq!(ran.code, 5, "{}", ran.said);
    assert!(ran.said.contains("one\n7"), "its files and its own uid: {}", ran.said);
}

fn logs(machine: &mut Machine) {
    let said = machine.ok("xii logs -a crowd -n 500");
    assert!(
        said.contains("app[web.1]: serving one") && said.contains("app[ticker.1]: tick"),
        "{said}"
    );
    let journal = machine.ok("journalctl -u xii-server --no-pager");
    assert!(journal.contains("xii[server]: info: isolation full"), "{journal}");
}
