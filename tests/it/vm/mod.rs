//! What users run is not what CI runs: a stock Debian 12 with systemd, cgroup v2 alone and a
//! kernel of its own, booted in an emulator. It is installed on as packaging/README.md says,
//! looked at, rebooted, and its plug is pulled. `just vm`; docs/reliability/vm.md has the table.

mod clock;
mod deploys;
mod image;
mod install;
mod limits;
mod machine;
mod power;
mod restarts;

use machine::Machine;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// A claim, and what shows it.
type Check = (&'static str, fn(&mut Machine));

/// In this order: each finds the machine as those before it left it.
const CHECKS: [&[Check]; 7] = [
    &install::CHECKS,
    &deploys::CHECKS,
    &limits::CHECKS,
    &restarts::CHECKS,
    &clock::CHECKS,
    &power::CHECKS,
    &deploys::LAST,
];

#[test]
#[ignore = "boots an emulated machine several times, for minutes: `just vm`"]
fn a_debian_server_under_systemd_keeps_every_promise() {
    let began = Instant::now();
    let mut machine = Machine::new();
    let mut results = vec![("(image, first boot)", began.elapsed(), None)];
    // Parts of names, with commas; the installation is always made.
    let only = std::env::var("XII_TEST_ONLY").unwrap_or_default();
    let wanted = |name: &str| only.split(',').any(|part| name.contains(part));
    for (name, check) in CHECKS.concat() {
        // Without an installation there is nothing to check.
        if !wanted(name) && !install::CHECKS.iter().any(|(needed, _)| *needed == name) {
            continue;
        }
        let began = Instant::now();
        let why = catch_unwind(AssertUnwindSafe(|| check(&mut machine))).err().map(reason);
        match &why {
            None => println!("ok {name}"),
            Some(why) => println!("FAIL {name}: {why}"),
        }
        results.push((name, began.elapsed(), why));
    }
    table(&results, began.elapsed());
    let failed: Vec<_> = results.iter().filter(|result| result.2.is_some()).collect();
    if !failed.is_empty() {
        println!("{}", machine.last_words());
    }
    assert!(failed.is_empty(), "{failed:#?}");
}

fn reason(panic: Box<dyn std::any::Any + Send>) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| text.to_string())).unwrap_or_default()
}

fn table(results: &[(&str, Duration, Option<String>)], all: Duration) {
    println!("\n| check | s | |\n|---|---:|---|");
    for (name, took, why) in results {
        let end = if why.is_none() { "ok" } else { "FAIL" };
        println!("| {name} | {:.1} | {end} |", took.as_secs_f64());
    }
    println!("| all | {:.1} | |", all.as_secs_f64());
}
