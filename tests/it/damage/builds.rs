//! A build is what its digest says, or it is found out and made again.

use super::Damage;
use crate::world::{Checkout, World};
use std::path::PathBuf;

fn folder(world: &World, app: &Checkout<'_>) -> PathBuf {
    let build = app.json(&["releases"])[0]["build"].as_str().unwrap().to_string();
    world.home().join("builds").join(build)
}

#[test]
fn a_damaged_build_is_named_by_verify_and_mended_by_the_next_deploy() {
    let world = World::new();
    let app = world.deployed("shop");
    let _ = app.xii(&["releases", "verify"]).ok().says(&["1 releases", "1 builds as they were"]);
    let build = folder(&world, &app);
    let named = build.display().to_string();
    let before = std::fs::read(build.join("app/web.py")).unwrap();
    for (release, damage) in [Damage::Flip, Damage::Cut, Damage::Gone].into_iter().enumerate() {
        damage.to(&build.join("app/web.py"));
        let said = app.xii(&["releases", "verify"]);
        assert_eq!(said.code, 1, "{damage:?}: {said:?}");
        let _ = said.says(&["v1", &named, "xii deploy"]);
        // What serves is not stopped by a look at its files.
        let release = release as u64;
        assert!(app.body("/").starts_with(&format!("v{} ", release + 1)));
        let _ = app.xii(&["deploy"]).ok().says(&[&named, "built again"]);
        assert_eq!(std::fs::read(build.join("app/web.py")).unwrap(), before);
        let _ = app.xii(&["releases", "verify"]).ok();
        assert!(app.body("/").starts_with(&format!("v{} ", release + 2)));
    }
    world.leave();
}

#[test]
fn a_build_that_is_gone_or_without_its_description_says_how_to_have_it_again() {
    let world = World::new();
    let app = world.deployed("shop");
    let build = folder(&world, &app);
    let _ = world.xii(&["down"]).ok();
    let aside = world.folder().join("aside");
    for damage in [Damage::Noise, Damage::Empty, Damage::Gone] {
        let path = build.join("build.json");
        let _kept = super::Kept::of(&path);
        damage.to(&path);
        world.up();
        let words = ["shop/production cannot run", "xii deploy"];
        let log = std::fs::read_to_string(world.home().join("server.log")).unwrap();
        for word in words {
            assert!(log.contains(word), "{damage:?}: {word:?} is not in:\n{log}");
        }
        let _ = app.xii(&["releases", "verify"]).says(&["v1", "xii deploy"]);
        let _ = world.xii(&["down"]).ok();
    }
    std::fs::rename(&build, &aside).unwrap();
    world.up();
    let _ = app.xii(&["releases", "verify"]).says(&["is missing", "xii deploy"]);
    let _ = app.xii(&["deploy"]).ok().says(&["is missing", "built again"]);
    assert!(app.body("/").starts_with("v2 "));
    world.leave();
}
