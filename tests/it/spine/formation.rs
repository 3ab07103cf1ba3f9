//! How many run, and what is stopped: remembered, whatever happens to the server.

use crate::world::{Checkout, World};

/// `web.1 web.2 worker.1`
fn running(world: &World) -> String {
    let mut names: Vec<String> = world
        .ps("shop")
        .iter()
        .map(|instance| instance["name"].as_str().unwrap().to_string())
        .collect();
    names.sort();
    names.join(" ")
}

#[test]
fn scale_counts_up_and_down_and_makes_no_release() {
    let world = World::new();
    let app = world.deployed("shop");
    assert_eq!(app.json(&["scale"]), serde_json::json!({ "web": 1, "worker": 0 }));
    let _ = app.xii(&["scale", "web=3", "worker=1"]).ok();
    assert_eq!(running(&world), "web.1 web.2 web.3 worker.1");
    world.until("the worker says something", || world.log("shop").contains("beat 1").then_some(()));
    let _ = app.xii(&["scale", "web-1", "worker+1"]).ok();
    assert_eq!(running(&world), "web.1 web.2 worker.1 worker.2");
    let _ = app.xii(&["scale", "web=0"]).ok();
    assert_eq!(running(&world), "worker.1 worker.2");
    assert_eq!(world.get(&app.host(), "/").status, 503);
    let _ = app.xii(&["scale", "web=1", "worker=0"]).ok();
    assert_eq!(running(&world), "web.1");
    assert!(world.log("shop").contains("app[worker.2]: worker says bye"));
    assert_eq!((app.release(), app.body("/").as_str()), (1, "v1 web.1"));
    refuses_what_cannot_run(&app);
    world.leave();
}

fn refuses_what_cannot_run(app: &Checkout<'_>) {
    for (change, words) in [
        ("web=-1", &["web=-1"][..]),
        ("web=9999999", &["9999999"]),
        ("web=1e3", &["web=1e3"]),
        ("ghost=1", &["ghost", "web", "worker"]),
        ("release=1", &["release"]),
        ("web", &["web"]),
    ] {
        let _ = app.xii(&["scale", change]).refused(2, words);
    }
    for target in ["ghost", "web.9", "web.0", "web.x", "../web"] {
        for verb in ["stop", "start", "restart"] {
            let _ = app.xii(&[verb, target]).refused(2, &["web"]);
        }
    }
}

#[test]
fn a_stop_is_remembered_until_the_start() {
    let world = World::new();
    let app = world.deployed("shop");
    let _ = app.xii(&["scale", "web=2", "worker=1"]).ok();
    let _ = app.xii(&["stop", "web.1"]).ok();
    let _ = app.xii(&["stop", "worker"]).ok();
    assert_eq!(running(&world), "web.2");
    world.kill_server();
    world.up();
    assert_eq!(running(&world), "web.2");
    let _ = app.xii(&["restart"]).ok();
    assert_eq!(running(&world), "web.2");
    let _ = app.xii(&["start", "web.1"]).ok();
    assert_eq!(running(&world), "web.1 web.2");

    let _ = app.xii(&["stop"]).ok();
    assert_eq!(running(&world), "");
    assert_eq!(world.get(&app.host(), "/").status, 503);
    let _ = world.xii(&["down"]).ok();
    world.up();
    assert_eq!(running(&world), "");
    // A deploy does not start what was stopped.
    let _ = app.xii(&["deploy"]).ok();
    assert_eq!(running(&world), "");
    let _ = app.xii(&["start", "web.1"]).refused(2, &["all of shop/production is stopped"]);
    let _ = app.xii(&["start"]).ok();
    assert_eq!(running(&world), "web.1 web.2 worker.1");
    assert!(app.body("/").starts_with("v2 web."));
    world.leave();
}

#[test]
fn down_ends_everything_and_up_brings_it_back() {
    let world = World::new();
    let app = world.deployed("shop");
    let _ = app.xii(&["scale", "web=2", "worker=1"]).ok();
    let _ = world.xii(&["down"]).ok();
    world.up();
    world.until("everything is back", || {
        (running(&world) == "web.1 web.2 worker.1"
            && world.ps("shop").iter().all(|instance| instance["state"] == "up"))
        .then_some(())
    });
    assert!(app.body("/").starts_with("v1 web."));
    world.leave();
}

#[test]
fn a_restart_replaces_and_one_that_fails_leaves_everything_as_it_was() {
    let world = World::new();
    let app = world.checkout("shop", crate::world::WEB);
    let procfile = "web: test \"$BREAK\" != now && exec python3 -u web.py\n";
    app.commit(&[("Procfile", procfile)]);
    let _ = app.xii(&["deploy"]).ok();
    let _ = app.xii(&["scale", "web=2"]).ok();
    let keepers = |world: &World| -> Vec<_> {
        world.ps("shop").iter().map(|instance| instance["keeper"].as_u64().unwrap()).collect()
    };
    let first = keepers(&world);
    let _ = app.xii(&["restart", "web.1"]).ok();
    let second = keepers(&world);
    assert!(second.contains(&first[1]) && !second.contains(&first[0]), "{first:?} {second:?}");

    let _ = app.xii(&["config", "set", "BREAK=now", "--no-restart"]).ok();
    let _ =
        app.xii(&["restart"]).refused(3, &["crashed before it was ready", "the old ones go on"]);
    assert_eq!(keepers(&world), second);
    world.kill_server();
    world.up();
    assert_eq!(keepers(&world), second, "the restart is not tried again by itself");
    assert!(app.body("/").starts_with("v1 web."));
    let _ = app.xii(&["config", "unset", "BREAK"]).ok();
    assert!(app.body("/").starts_with("v3 web."));
    world.leave();
}
