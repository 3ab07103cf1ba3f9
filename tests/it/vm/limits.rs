//! What a limit is on cgroup v2, and who may reach whose port.

use super::Check;
use super::deploys::get;
use super::machine::Machine;

pub const CHECKS: [Check; 6] = [
    ("limits stand in the files of cgroup v2", files),
    ("an app that takes too much memory is ended, named and restarted; others go on", memory),
    ("a fork bomb stays in its limit", forks),
    ("a port of an app is closed to other users and from outside", ports),
    ("a crash is restarted by the keeper while there is no server", crash),
    ("a user without root has a server of her own", rootless),
];

const UNIT: &str = "/sys/fs/cgroup/system.slice/xii-instances.service";

/// The folder of an instance's cgroup, as a shell word.
fn cgroup(process: &str) -> String {
    format!(
        "$(dirname $(grep -lxE \"$(pgrep -d'|' -xf '{process}')\" {UNIT}/xii-*/[0-9]*/cgroup.procs \
         | head -1))"
    )
}

fn files(machine: &mut Machine) {
    let web = cgroup("python3 web.py");
    let found = machine
        .ok(&format!("cd {web} && cat memory.max memory.swap.max pids.max cpu.weight cpu.max"));
    assert_eq!(found, format!("{}\n0\n40\n100\nmax 100000\n", 96 << 20));
    let disk = machine.ok(&format!("cat {web}/io.weight 2>/dev/null || echo no such file"));
    assert!(disk.starts_with("default 100") || disk.starts_with("no"), "{disk}");
}

fn memory(machine: &mut Machine) {
    let before = machine.ok("pgrep -f 'python3 ticker.py'");
    machine.sh("curl -s -m 60 -H 'Host: crowd.localhost' http://127.0.0.1:8080/eat");
    let line = machine.until("xii logs -a crowd -n 1000 | grep -E 'R1[45]'");
    println!("   {}", line.lines().next().unwrap_or_default());
    machine.until(&get("crowd"));
    assert_eq!(machine.ok("pgrep -f 'python3 ticker.py'"), before, "its neighbour is untouched");
    machine.ok(&get("static"));
    // systemd would end the whole unit for one death in it.
    machine.ok("systemctl is-active xii-instances xii-server");
    machine.until("test $(xii ps -a crowd | grep -c 'web.[12].*up') = 2");
}

fn forks(machine: &mut Machine) {
    let said =
        machine.until("curl -sf -m 60 -H 'Host: crowd.localhost' http://127.0.0.1:8080/fork");
    let count: u32 = said.trim().strip_prefix("forked ").unwrap().parse().unwrap();
    assert!((5..40).contains(&count), "{count} forks with room for 40 processes");
    machine.ok(&get("static"));
}

fn ports(machine: &mut Machine) {
    machine.ok("nft list tables | grep -q 'inet xii_'");
    let port = machine.ok("ss -Hltnp | grep python3 | grep -oE ':2[0-9]{4}' | head -1 | tr -d :");
    let port = port.trim();
    let ask = |from: &str, to: &str| {
        format!(
            "{from} python3 -c 'import socket; socket.create_connection((\"{to}\", {port}), 3)'"
        )
    };
    let ann = machine.sh(&ask("setpriv --reuid 4242 --clear-groups", "127.0.0.1"));
    assert_ne!(ann.code, 0, "another user reaches {port}");
    // A neighbour on the wire, and an app that listens everywhere.
    machine.ok("
        ip netns add out; ip link add to type veth peer name from netns out
        ip addr add 10.9.0.1/24 dev to; ip link set to up
        ip -n out addr add 10.9.0.2/24 dev from; ip -n out link set from up; ip -n out link set lo up");
    checkout_open(machine);
    let open = machine.ok("ss -Hltn | grep -oE '0.0.0.0:2[0-9]{4}' | head -1 | cut -d: -f2");
    let out = |port: &str| {
        format!(
            "ip netns exec out python3 -c 'import socket; socket.create_connection((\"10.9.0.1\", {port}), 3)'"
        )
    };
    let from_outside = machine.sh(&out(open.trim()));
    assert_ne!(from_outside.code, 0, "{} answers outside", open.trim());
    machine.ok("(setsid python3 -m http.server 9000 >/dev/null 2>&1 &)");
    machine.until(&out("9000"));
    machine.ok("xii apps destroy open --confirm open; ip netns del out");
}

/// An app that binds all addresses.
fn checkout_open(machine: &mut Machine) {
    machine.ok("
        mkdir open && cd open && git init -q -b main
        echo 'web: exec python3 -m http.server $PORT --bind 0.0.0.0' >Procfile
        printf '[build]\\ncommand = \"true\"\\n' >xii.toml
        git add -A && git commit -qm one && xii deploy");
}

fn crash(machine: &mut Machine) {
    machine.ok("systemctl stop xii-server");
    machine.sh("curl -s -m 20 -H 'Host: crowd.localhost' http://127.0.0.1:8080/crash");
    machine.until("test $(pgrep -xfc 'python3 web.py') = 2");
    machine.until(&get("crowd"));
    machine.ok("systemctl start xii-server; xii ps -a crowd");
}

fn rootless(machine: &mut Machine) {
    machine.ok("
        useradd -m ann; cp -r load/examples/static /home/ann/mine; chown -R ann: /home/ann/mine
        cat >/home/ann/try <<'TRY'
set -e
export HOME=/home/ann XDG_RUNTIME_DIR=/home/ann/run XII_HTTP=127.0.0.1:8181 XII_HOME=/home/ann/x
mkdir -p run; cd mine; git config --global user.name Ann; git config --global user.email a@example.org
git init -q -b main; git add -A; git commit -qm one
xii up; xii deploy; curl -sf -m 30 -H 'Host: mine.localhost' http://127.0.0.1:8181/ >/dev/null; xii down
TRY
        cd /home/ann; runuser -u ann -- bash try");
    machine.ok("systemctl is-active xii-server; xii ps -a crowd");
}
