//! What one deploy runs becomes another's release: the same bytes, the other's config.

use crate::world::{Checkout, World};
use serde_json::Value;

const APP_JSON: &str = r#"{
  "env": { "GREETING": "hello" },
  "environments": { "staging": { "env": { "GREETING": "psst" } } }
}"#;

/// production and staging at two commits, each with a colour of its own.
fn two_deploys(world: &World) -> Checkout<'_> {
    let app = world.deployed("shop");
    let _ = app.xii(&["config", "set", "COLOUR=red"]).ok();
    let _ = app.xii(&["create", "shop", "-d", "staging"]).ok();
    let _ = app.xii(&["config", "set", "COLOUR=blue", "-d", "staging"]).ok();
    app.commit(&[
        ("app.json", APP_JSON),
        ("Procfile", "web: exec python3 -u web.py\nrelease: echo migrated\n"),
    ]);
    let _ = app.xii(&["deploy", "-d", "staging"]).ok();
    app
}

fn info(app: &Checkout<'_>, deploy: &str) -> Value {
    app.json(&["releases", "info", "-d", deploy])
}

fn builds(world: &World) -> usize {
    std::fs::read_dir(world.home().join("builds")).unwrap().count()
}

#[test]
fn a_promote_brings_the_same_build_with_the_targets_config_and_builds_nothing() {
    let world = World::new();
    let app = two_deploys(&world);
    let (before, source) = (builds(&world), info(&app, "staging"));
    assert_ne!(info(&app, "production")["build"], source["build"]);

    let lines = ["release v3: build and commands of shop/staging v2", "config: set GREETING"];
    let _ = app.xii(&["promote", "--plan"]).ok().says(&lines).says(&["release phase: echo"]);
    assert_eq!(app.release(), 2);

    let receipt = app.json(&["promote", "-d", "staging", "--to", "production"]);
    let phases = receipt["phases"].as_array().unwrap().iter();
    let phases: Vec<_> = phases.map(|phase| phase["name"].as_str().unwrap()).collect();
    assert_eq!(phases, ["release", "release phase", "start", "switch", "stop"]);
    assert_eq!((&receipt["done"], &receipt["release"]), (&"promoted".into(), &3.into()));
    assert_eq!(builds(&world), before, "nothing was built");

    let promoted = info(&app, "production");
    for what in ["build", "commands", "commit", "stack"] {
        assert_eq!(promoted[what], source[what], "{what}");
    }
    assert_eq!(promoted["reason"], "promote staging v2");
    let _ = app.xii(&["releases"]).ok().says(&["promote staging v2"]);
    let of = |host: &str, name: &str| world.get(host, &format!("/env/{name}")).body;
    assert_eq!(
        (of("shop.localhost", "COLOUR"), of("shop.localhost", "GREETING")),
        ("red".into(), "hello".into())
    );
    let staging = "staging.shop.localhost";
    assert_eq!((of(staging, "COLOUR"), of(staging, "GREETING")), ("blue".into(), "psst".into()));

    // Again: there is nothing to do.
    let _ = app.xii(&["pipelines:promote"]).ok().says(&["already"]);
    assert_eq!(app.release(), 3);
    // And back: a promote is a release like any other.
    let _ = app.xii(&["rollback"]).ok().says(&["identical to v2"]);
    let _ = app.xii(&["promote"]).ok();
    assert_eq!(app.release(), 5);
    let _ = app.xii(&["releases", "verify"]).ok().says(&["5 releases, unbroken"]);
    world.leave();
}

#[test]
fn a_promote_makes_its_target_and_refuses_what_it_cannot_give() {
    let world = World::new();
    let app = world.deployed("shop");
    let _ = app.xii(&["promote"]).refused(2, &["shop has no deploy `staging`"]);
    let _ = app.xii(&["create", "shop", "-d", "staging"]).ok();
    let _ = app.xii(&["promote"]).refused(2, &["shop/staging has no code yet"]);
    let _ = app.xii(&["promote", "-d", "stagin"]).refused(2, &["did you mean `staging`?"]);
    let _ = app.xii(&["promote", "-d", "production"]).refused(2, &["to itself", "--to"]);

    let _ = app.xii(&["promote", "-d", "production", "--to", "eu", "--plan"]).ok();
    let _ = app.xii(&["info", "-d", "eu"]).refused(2, &["eu"]);
    let _ = app.xii(&["promote", "-d", "production", "--to", "eu"]).ok().says(&["promoted"]);
    assert_eq!(world.get("eu.shop.localhost", "/").body, "v1 web.1");

    // What the code requires, the target must have.
    app.commit(&[("app.json", r#"{"env": {"TOKEN": {"description": "for the bank"}}}"#)]);
    let _ = app.xii(&["config", "set", "TOKEN=1", "-d", "staging"]).ok();
    let _ = app.xii(&["deploy", "-d", "staging"]).ok();
    let line = "xii config set TOKEN=… -a shop -d eu";
    let _ = app.xii(&["promote", "--to", "eu"]).refused(2, &["TOKEN (for the bank)", line]);
    let created = "xii create shop -d us";
    let _ = app.xii(&["promote", "--to", "us"]).refused(2, &[created]);
    let _ = app.xii(&["promote", "--to", "us", "--plan"]).ok().says(&["config: missing TOKEN"]);
    let _ = app.xii(&["info", "-d", "us"]).refused(2, &["us"]);
    world.leave();
}
