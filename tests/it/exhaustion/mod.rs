//! What a host can run out of: disk, descriptors, processes, memory, ports, cgroups. Each while
//! apps only run and while something is being changed: apps go on answering, xii says what is
//! the matter, and when it is over everything works again without anybody's doing.

mod descriptors;
mod disk;
mod group;
mod memory;
mod places;
mod processes;
mod run_folder;

use crate::load::{Kind, Timeline, Visitors};
use crate::world::{Said, World};

/// Those who must not notice.
const QUIET: [(Kind, usize); 4] =
    [(Kind::Kept, 1), (Kind::Fresh, 1), (Kind::Slow, 1), (Kind::Upload, 1)];

/// Visits that must not fail while `trouble` lasts. The app stays at its release.
fn unnoticed(world: &World, test: &str, trouble: impl FnOnce()) {
    let timeline = Timeline::of(crate::chaos::recorded(world, "app").1);
    let visitors = Visitors::of_kinds(world, "app", &QUIET);
    trouble();
    visitors.end(world, test, &timeline);
}

/// One of the doctor's findings, and it is not a good one.
#[track_caller]
fn complains(world: &World, of: &str, words: &[&str]) {
    let said = world.xii(&["doctor"]);
    assert_eq!(said.code, 1, "{}", said.out);
    let line = said.out.lines().find(|line| line.starts_with('✗') && line.contains(of));
    let line = line.unwrap_or_else(|| panic!("nothing is wrong with {of}:\n{}", said.out));
    words.iter().for_each(|word| assert!(line.contains(word), "{word:?} is not in {line:?}"));
    let status = world.xii(&["status"]).ok();
    assert!(status.out.contains(&format!("doctor    {of}")), "{}", status.out);
}

/// So many web processes, without anybody's doing.
#[track_caller]
fn until_up(world: &World, count: usize) {
    world.until("what is wanted runs", || {
        let up = world.ps("app").iter().filter(|instance| instance["state"] == "up").count();
        (up == count).then_some(())
    });
}

/// Everything works: a change, a look, a request.
#[track_caller]
fn all_is_well(world: &World, app: &crate::world::Checkout<'_>) {
    let _: Said = app.xii(&["config", "set", "AFTER=1"]).ok();
    app.commit(&[]);
    let _ = app.xii(&["deploy"]).ok();
    let (state, release) = crate::chaos::recorded(world, "app");
    crate::chaos::until_reached(world, "app", &state, release);
    let releases = app.json(&["releases"]);
    let pending = releases.as_array().unwrap().iter().find(|r| r["status"] == "pending");
    assert_eq!(pending, None);
    let _ = app.xii(&["releases", "verify"]).ok();
}
