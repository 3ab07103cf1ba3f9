//! `xii build verify`: one commit, two builds, the same bytes or the files that differ.

use crate::world::World;

const SITE: &str =
    "[build]\ncommand = \"mkdir public; cp page public/index.html\"\noutput = \"public\"\n";
const RANDOM: &str = "[build]\ncommand = \"mkdir public; cp page public/index.html; cat /proc/sys/kernel/random/uuid > public/id\"\noutput = \"public\"\n";

#[test]
fn a_commit_built_again_is_the_same_build() {
    let world = World::new();
    let app = world.checkout("site", &[("xii.toml", SITE), ("page", "hello")]);
    let _ = app
        .xii(&["build", "verify"])
        .refused(2, &["is not built here as it would be built now", "xii deploy"]);
    let _ = app.xii(&["deploy"]).ok();
    let _ = app.xii(&["build", "verify"]).ok().says(&["again, from empty caches"]);
    world.leave();
}

#[test]
fn a_build_that_is_another_each_time_is_told_which_files_differ() {
    let world = World::new();
    let app = world.checkout("site", &[("xii.toml", RANDOM), ("page", "hello")]);
    let _ = app.xii(&["deploy"]).ok();
    let said = app.xii(&["build", "verify"]);
    let _ = said.refused(3, &["the same commit gave another build", "app/public/id"]);
    let _ = app.xii(&["deploy"]).ok().says(&["unchanged"]);
    world.leave();
}
