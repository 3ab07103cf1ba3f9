//! Faults at every step: of each change, the first step fails, then the second, until there is
//! none left. A step is a system call that changes what others can see; a fault is the end of
//! the process that makes it, or an error instead of it. Nothing acknowledged may be lost,
//! nothing unacknowledged half there, nothing left that nobody needs.
//!
//! `XII_TEST_CRASH=deploy:kill-server:17` repeats one; `XII_TEST_FAULTS` asks for so many, in
//! `XII_TEST_WORLDS` at once, for at most `XII_TEST_MINUTES`, of the lines whose name holds
//! `XII_TEST_LINES`.

mod calls;
mod fault;
mod found;
mod leftovers;
mod subject;
mod sweep;
mod tally;
mod tracer;
mod trial;

use crate::chaos::Random;
use fault::Line;
use std::time::{Duration, Instant};
use sweep::{Order, Sweep};
use tally::Tally;

/// What `cargo test` spends on it.
const SHORT: Duration = Duration::from_secs(25);

#[test]
fn a_fault_at_any_step_of_a_change_leaves_all_of_it_or_nothing() {
    let test = "crash::a_fault_at_any_step_of_a_change_leaves_all_of_it_or_nothing";
    if skipped(test) {
        return;
    }
    let random = Random::seeded(test);
    let order = Order::Random { random, steps: Default::default() };
    let tally = Sweep::new(Line::all(), order, 150, Instant::now() + SHORT).run(2);
    report(&tally);
}

#[test]
#[ignore = "`just crash`: thousands of faults, for an hour"]
fn every_step_of_every_change_fails_in_turn() {
    let faults = number("XII_TEST_FAULTS").unwrap_or(5000);
    let worlds = number("XII_TEST_WORLDS").unwrap_or(6);
    let lines = match std::env::var("XII_TEST_LINES") {
        Ok(names) => Line::all().into_iter().filter(|l| l.to_string().contains(&names)).collect(),
        Err(_) => Line::all(),
    };
    let minutes = number("XII_TEST_MINUTES").unwrap_or(24 * 60);
    let until = Instant::now() + Duration::from_secs(60 * minutes as u64);
    let order = match std::env::var("XII_TEST_CRASH") {
        Ok(one) => return repeat(&one),
        Err(_) => Order::InTurn { line: 0, step: 0, without: 0 },
    };
    report(&Sweep::new(lines, order, faults, until).run(worlds));
}

fn skipped(test: &str) -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        eprintln!("SKIP {test}: only root may trace processes that hide their memory");
    }
    !is_root
}

/// `deploy:kill-server:17`, as a failure has named it.
fn repeat(one: &str) {
    let (line, step) = one.rsplit_once(':').unwrap();
    let line = Line::named(line).unwrap_or_else(|| panic!("no such line: {line}"));
    let step: u64 = step.parse().unwrap();
    let order = Order::InTurn { line: 0, step: step - 1, without: 0 };
    report(&Sweep::new(vec![line], order, 1, Instant::now() + SHORT).run(1));
}

fn number(name: &str) -> Option<usize> {
    std::env::var(name).ok()?.parse().ok()
}

fn report(tally: &Tally) {
    println!("{}", tally.table());
    let failures = &tally.failures;
    assert!(failures.is_empty(), "{} faults broke a promise: {failures:#?}", failures.len());
}
