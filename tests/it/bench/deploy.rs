//! What xii itself takes of a change: all of it, without the app's boot and the second that an
//! instance must live. `just bench-deploy`

use super::row;
use crate::world::{Checkout, World};
use std::time::Instant;

const ROUNDS: usize = 20;
/// The second of readiness (DESIGN: "alive 1 s later").
const ALIVE_MS: f64 = 1000.0;

#[test]
#[ignore = "a figure, not a test"]
fn changes_without_the_apps_part() {
    let world = World::new();
    // Boots and stops at once: what is left is xii's.
    let app = world.checkout("app", &[("index.html", "<h1>hello</h1>\n")]);
    let _ = app.xii(&["deploy"]).ok();
    println!("| what | median | p99 | n |\n|---|---|---|---|");
    row("`xii deploy` of a static site, nothing changed", repeat(|_| own(&app, &["deploy"])), "ms");
    let changed = repeat(|round| {
        app.commit(&[("index.html", &format!("<h1>{round}</h1>\n"))]);
        own(&app, &["deploy"])
    });
    row("`xii deploy`, a file changed", changed, "ms");
    let set = repeat(|round| own(&app, &["config", "set", &format!("ROUND={round}")]));
    row("`xii config set`", set, "ms");
    row("`xii rollback`", repeat(|_| own(&app, &["rollback"])), "ms");
    row("`xii restart`", repeat(|_| own(&app, &["restart"])), "ms");
    drop(app);
    world.leave();
}

fn repeat(mut work: impl FnMut(usize) -> f64) -> Vec<f64> {
    (0..ROUNDS).map(&mut work).collect()
}

/// From the start of the command to its end, without boot and readiness.
fn own(app: &Checkout<'_>, words: &[&str]) -> f64 {
    let began = Instant::now();
    let receipt = app.json(words);
    let took = began.elapsed().as_secs_f64() * 1000.0;
    let boots = receipt["boots"].as_array().unwrap().iter();
    let slowest = boots.map(|boot| boot["ms"].as_f64().unwrap()).fold(0.0, f64::max);
    took - slowest - ALIVE_MS
}
