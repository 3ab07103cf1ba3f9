//! The clock of the machine is stepped while apps run and while a deploy runs.

use super::Check;
use super::deploys::get;
use super::machine::Machine;
use super::restarts::APPS;

pub const CHECKS: [Check; 3] = [
    ("the clock is stepped a day forward: apps go on, a deploy under way ends well", forward),
    ("the clock is stepped a day back: the same, and no writer's stamps go back", back),
    ("after the clock went back, a crash is restarted at once and not tomorrow", back_off),
];

fn forward(machine: &mut Machine) {
    stepped(machine, "1 day", "three");
}

fn back(machine: &mut Machine) {
    stepped(machine, "1 day ago", "four");
}

fn stepped(machine: &mut Machine, by: &str, version: &str) {
    let before = machine.ok(APPS);
    machine.ok(&format!("date -s '{by}'"));
    machine.ok(&get("crowd"));
    assert_eq!(machine.ok(APPS), before, "apps that only run go on");
    let ticks = "xii logs -a crowd -n 1000 | grep -c 'tick'";
    machine.until(&format!("test $({ticks}) -gt 0"));
    // A second time, in the middle of a deploy.
    machine.ok(&format!(
        "cd crowd && echo {version} >version && git commit -qam {version}
        (setsid xii deploy >../deploy.log 2>&1; echo $? >../ended) & sleep 1
        date -s '{by}'; wait; cat ../deploy.log; test $(cat ../ended) = 0"
    ));
    assert!(machine.ok(&get("crowd")).starts_with(version));
    machine.ok("xii releases verify -a crowd && xii scale -a crowd web=2 && xii doctor");
    let writers = machine.ok("python3 load/vm/stamps.py /var/lib/xii/logs");
    println!("   {}", writers.trim());
    // The real time again: to go back by what was put on, and the other way round.
}

fn back_off(machine: &mut Machine) {
    machine.sh("curl -s -m 20 -H 'Host: crowd.localhost' http://127.0.0.1:8080/crash");
    machine.ok("date -s '1 hour ago'");
    machine.until("test $(xii ps -a crowd | grep -c 'web.[12].*up') = 2");
    machine.ok("date -s '1 hour'; systemctl restart xii-server");
    machine.until(&get("crowd"));
}
