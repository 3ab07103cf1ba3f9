//! A rollback is a new release with the contents of an old one.

use crate::world::World;

const CLOCK: &str = "web: exec python3 -u web.py\nclock: exec python3 -u worker.py\n";

#[test]
fn a_rollback_restores_code_commands_and_config_and_twice_goes_back_twice() {
    let world = World::new();
    let app = world.deployed("shop");
    let _ = app.xii(&["config", "set", "COLOUR=red"]).ok();
    app.commit(&[("Procfile", CLOCK)]);
    let _ = app.xii(&["deploy"]).ok();
    let _ = app.xii(&["config", "set", "COLOUR=blue"]).ok();
    let built = |number: &str| app.json(&["releases", "info", number]);

    // v5 is v2: old code, old commands, old config.
    let receipt = app.json(&["rollback", "v2"]);
    assert!(receipt["notes"][0].as_str().unwrap().starts_with("identical to v2"), "{receipt}");
    assert_eq!(app.body("/"), "v5 web.1");
    assert_eq!(app.body("/env/COLOUR"), "red");
    let (old, new) = (built("v2"), built("v5"));
    for what in ["build", "commands", "commit", "config_names", "stack"] {
        assert_eq!(old[what], new[what], "{what}");
    }
    let _ = app.xii(&["releases", "diff", "v2", "v5"]).ok().says(&["identical"]);

    // Without a number: the last good one before, and then the one before that.
    let _ = app.xii(&["rollback"]).ok().says(&["v1"]);
    assert_eq!(app.body("/env/COLOUR"), "(unset)");
    let _ = app.xii(&["rollback"]).refused(2, &["no earlier good release"]);
    let _ = app.xii(&["rollback", "v4"]).ok();
    assert_eq!(app.body("/env/COLOUR"), "blue");
    let _ = app.xii(&["rollback"]).ok().says(&["v3"]);
    let _ = app.xii(&["rollback"]).ok().says(&["v2"]);
    assert_eq!(app.body("/"), "v9 web.1");
    let _ = app.xii(&["releases", "verify"]).ok().says(&["9 releases, unbroken"]);
    world.leave();
}

#[test]
fn a_rollback_to_what_cannot_serve_is_refused_and_changes_nothing() {
    let world = World::new();
    let app = world.checkout("shop", crate::world::WEB);
    let _ = app.xii(&["create", "shop"]).ok();
    let _ = app.xii(&["config", "set", "A=1", "-a", "shop"]).ok();
    let _ = app.xii(&["deploy", "-a", "shop"]).ok();
    app.commit(&[("Procfile", "web: exit 7\n")]);
    let _ = app.xii(&["deploy"]).refused(3, &["exit 7"]);
    let _ = app.xii(&["rollback", "v1"]).refused(2, &["never built"]);
    let _ = app.xii(&["rollback", "v2"]).refused(2, &["it is the current release"]);
    let _ = app.xii(&["rollback", "v3"]).refused(2, &["it failed", "exit 7"]);
    let _ = app.xii(&["rollback", "v9"]).refused(2, &["no such release", "v1 to v3"]);
    let _ = app.xii(&["rollback"]).refused(2, &["no earlier good release"]);
    let plan = app.xii(&["rollback", "v3", "--plan"]).refused(2, &["it failed"]);
    assert!(plan.out.is_empty());
    assert_eq!(app.json(&["releases"]).as_array().unwrap().len(), 3);
    assert_eq!(app.body("/"), "v2 web.1");
    world.leave();
}
