//! The machine goes down: in order, and by its plug.

use super::Check;
use super::deploys::get;
use super::machine::Machine;

pub const CHECKS: [Check; 4] = [
    ("reboot: apps stop in order, and everything comes back as it was", reboot),
    (
        "the plug is pulled in a deploy: the old or the new release is whole, and serves",
        in_a_deploy,
    ),
    (
        "the plug is pulled in a log flood: logs can be read, at most about a second is lost",
        in_a_flood,
    ),
    ("after all that, nothing is left over and every release verifies", whole),
];

fn reboot(machine: &mut Machine) {
    machine.ok("xii scale -a crowd web=2 ticker=1; xii stop -a static");
    let before = machine.ok("xii releases -a crowd --json");
    machine.ok("xii logs -a crowd -n 1 >/dev/null; date +%s.%N >rebooted");
    machine.reboot();
    machine.ok("systemctl is-active xii-server xii-instances");
    machine.until("test $(xii ps -a crowd | grep -cE '(web.[12]|ticker.1).*up') = 3");
    machine.ok(&get("crowd"));
    assert_eq!(machine.ok("xii releases -a crowd --json"), before);
    let idle = machine.ok("xii ps -a static");
    assert!(
        idle.contains("stop") || idle.contains("nothing runs"),
        "stopped stays stopped: {idle}"
    );
    machine.ok("xii start -a static");
    machine.until(&get("static"));
    let said = machine.ok("xii logs -a crowd -n 2000");
    assert!(said.contains("stopped in order"), "apps were asked to stop: {said}");
}

fn in_a_deploy(machine: &mut Machine) {
    let before = machine.ok(&get("crowd"));
    let old = before.split(' ').next().unwrap().to_string();
    machine.ok("cd crowd && echo five >version && git commit -qam five
        (setsid xii deploy >../deploy.log 2>&1 &)");
    machine.until("grep -q release deploy.log");
    machine.cut_power();
    machine.switch_on();
    machine.until(&get("crowd"));
    let now = machine.ok(&get("crowd"));
    println!("   {} before, {} after", before.trim(), now.trim());
    assert!(now.starts_with(&old) || now.starts_with("five"), "{now}");
    machine.ok("xii releases verify -a crowd");
    machine.ok("cd crowd && xii deploy");
    assert!(machine.ok(&get("crowd")).starts_with("five"));
}

fn in_a_flood(machine: &mut Machine) {
    machine.ok("xii config set -a crowd PACE=2000");
    // What the app had said by the clock of the machine, as late as possible.
    let last = machine.ok("sleep 3; date +%s.%N");
    machine.cut_power();
    machine.switch_on();
    let last = last.trim();
    let kept = machine.ok(&format!("python3 load/vm/stamps.py /var/lib/xii/logs tick {last}"));
    println!("   {}", kept.trim());
    let newest: f64 = kept.split_whitespace().last().unwrap().parse().unwrap();
    let lost = last.parse::<f64>().unwrap() - newest;
    println!("   lost {lost:.2} s");
    // A writer rests for four times as long as its last sync took, and this disk is slow.
    assert!((-2.0..4.0).contains(&lost), "{lost} s of log are lost");
    machine.ok(
        "test $(xii logs -a crowd -n 100 | grep -c tick) -gt 50; xii config unset -a crowd PACE",
    );
}

fn whole(machine: &mut Machine) {
    machine.ok("for app in crowd static; do xii releases verify -a $app; done; xii doctor");
    machine.until("test $(xii ps -a crowd | grep -cE '(web.[12]|ticker.1).*up') = 3");
    let left = machine.ok("ls /var/lib/xii/tmp; journalctl -u xii-server -p err -b --no-pager -q");
    assert_eq!(left, "");
    let named = "ls /sys/fs/cgroup/system.slice/xii-instances.service/xii-*/ | grep -cE '^[0-9]+$'";
    assert_eq!(machine.ok(named).trim(), "4", "a cgroup per instance and no more");
}
