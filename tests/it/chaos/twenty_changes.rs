//! Changes that visitors do not notice.

use super::load::Load;
use super::observed::{deployed, procfile, recorded};
use super::timeline::Timeline;
use crate::world::World;
use std::time::Instant;

/// Twenty, each followed by one of another kind.
const CHANGES: [&[&str]; 20] = [
    &["deploy"],
    &["scale", "web=2"],
    &["config", "set", "COLOUR=red"],
    &["restart"],
    &["rollback"],
    &["scale", "web=1", "worker=1"],
    &["deploy"],
    &["rollback"],
    &["config", "set", "COLOUR=blue", "SIZE=2"],
    &["scale", "web=3"],
    &["restart", "web"],
    &["deploy"],
    &["scale", "web=1"],
    &["config", "unset", "SIZE"],
    &["rollback"],
    &["scale", "web=2", "worker=0"],
    &["restart", "web.1"],
    &["deploy"],
    &["restart"],
    &["rollback"],
];

#[test]
fn twenty_changes_under_load_fail_no_request() {
    let world = World::new();
    let app = deployed(&world, "app", 0);
    let mut timeline = Timeline::of("v1");
    let load = Load::on(&world, &app.host());
    for (code, words) in CHANGES.iter().enumerate() {
        if words[0] == "deploy" {
            app.commit(&[("Procfile", &procfile(code as u64 + 1))]);
        }
        let began = Instant::now();
        let _ = app.xii(words).ok();
        timeline.push(began, &format!("v{}", recorded(&world, "app").1));
    }
    load.end("twenty_changes_under_load_fail_no_request", &timeline);
    drop(app);
    world.leave();
}
