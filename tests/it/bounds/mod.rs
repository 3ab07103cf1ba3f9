//! What bad apps, strangers and missing privileges cannot do, with whole deploys.

mod contract;
mod crashes;
mod deaf;
mod floods;
mod hogs;
mod inside;
mod outside;
mod refusal;
mod rootless;
mod secrets;
mod silence;
mod squatting;

pub use rootless::rootless_turn;

use crate::world::{Checkout, World};
use std::time::{Duration, Instant};

/// What counts as fast on two loaded cores.
const FAST: Duration = Duration::from_secs(5);

/// An app in nothing but the host's python3, with these lines at the head of its xii.toml.
fn app<'a>(world: &'a World, name: &str, procfile: &str, settings: &str) -> Checkout<'a> {
    let settings = format!("{settings}\n[build]\ncommand = \"true\"\n");
    let files = [
        ("Procfile", procfile),
        ("web.py", include_str!("../world/web.py")),
        ("odd.py", include_str!("odd.py")),
        ("inside.py", include_str!("inside.py")),
    ];
    let checkout = world.checkout(name, &files);
    checkout.commit(&[("xii.toml", &settings)]);
    checkout
}

/// The platform answers, and so does the app beside the bad one.
#[track_caller]
fn nobody_else_suffers(world: &World, good: &Checkout<'_>) {
    fast("the good app", || assert!(good.body("/").ends_with(" web.1")));
    fast("xii ps", || drop(world.ps("good")));
    fast("xii logs", || drop(good.xii(&["logs", "-n", "1"]).ok()));
}

#[track_caller]
fn fast(what: &str, work: impl FnOnce()) {
    let began = Instant::now();
    work();
    assert!(began.elapsed() < FAST, "{what} took {:?}", began.elapsed());
}

/// The whole sandbox, or a word on why there is none.
pub fn is_full(world: &World, test: &str) -> bool {
    let level = world.health()["isolation"].as_str().unwrap_or_default().to_string();
    if level != "full" {
        eprintln!("SKIP {test}: isolation is {level}");
    }
    level == "full"
}
