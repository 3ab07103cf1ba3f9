//! A checkout becomes a running release, and the next one takes its place.

use crate::world::World;

#[test]
fn the_first_deploy_makes_app_and_production_and_the_next_one_takes_over() {
    let world = World::new();
    let app = world.deployed("shop");
    let deploys = app.json(&["deploys"]);
    assert_eq!(deploys.as_array().unwrap().len(), 1);
    let name = serde_json::json!({ "app": "shop", "deploy": "production" });
    assert_eq!(deploys[0]["deploy"], name);
    assert_eq!(app.body("/"), "v1 web.1");

    // The same tree: not built again, and yet a release of its own.
    let said = app.xii(&["deploy"]).ok().says(&["unchanged", "v2"]);
    assert!(!said.err.contains("-----> command"), "{}", said.err);
    assert_eq!(app.body("/"), "v2 web.1");

    let commit = app.commit(&[("note.txt", "new")]);
    let receipt = app.json(&["deploy"]);
    assert_eq!(app.body("/"), "v3 web.1");
    assert_eq!(app.json(&["info"])["commit"], commit.as_str());
    is_whole(&receipt);
    every_old_instance_has_said_bye(&world);
    assert_eq!(world.ps("shop").len(), 1, "the old ones are gone when the command returns");
    world.leave();
}

fn is_whole(receipt: &serde_json::Value) {
    assert_eq!(receipt["deploy"]["app"], "shop");
    assert_eq!((&receipt["before"], &receipt["release"]), (&2.into(), &3.into()));
    assert_eq!(receipt["done"], "deployed");
    assert_eq!(receipt["traffic_during"]["failed"], 0);
    assert_eq!(receipt["boots"][0]["instance"], "web.1");
    assert!(receipt["boots"][0]["ms"].as_u64().unwrap() > 0);
    assert!(receipt["total_ms"].as_u64().unwrap() > 1000);
    let phases = receipt["phases"].as_array().unwrap().iter();
    let phases: Vec<_> = phases.map(|phase| phase["name"].as_str().unwrap()).collect();
    assert_eq!(phases, ["build", "release", "start", "switch", "stop"]);
    assert!(receipt["url"].as_str().unwrap().starts_with("http://shop.localhost:"));
}

fn every_old_instance_has_said_bye(world: &World) {
    let log = world.log("shop");
    assert_eq!(log.matches("app[web.1]: bye").count(), 2, "{log}");
    assert_eq!(log.matches("app[web.1]: listening").count(), 3, "{log}");
}

#[test]
fn what_is_not_committed_is_refused_or_marked_and_never_found_as_the_commit() {
    let world = World::new();
    let app = world.deployed("shop");
    let web = std::fs::read_to_string(app.folder().join("web.py")).unwrap();
    app.write("web.py", &web.replace("\"XII_RELEASE\"] + \"", "\"XII_RELEASE\"] + \" edited"));
    let _ = app.xii(&["deploy"]).refused(2, &["web.py", "--dirty"]);
    assert_eq!(app.release(), 1);

    let _ = app.xii(&["deploy", "--dirty"]).ok();
    assert_eq!(app.body("/"), "v2 edited web.1");
    let release = app.json(&["releases", "info", "v2"]);
    assert_eq!(release["dirty"], true);
    assert!(release["reason"].as_str().unwrap().contains("uncommitted"), "{release}");

    app.git(&["checkout", "-q", "web.py"]);
    app.commit(&[("note.txt", "x")]);
    let _ = app.xii(&["deploy", "HEAD~1"]).ok();
    assert_eq!(app.body("/"), "v3 web.1", "the commit's own files, not the edited ones");
    world.leave();
}

#[test]
fn edits_of_a_commit_that_was_never_built_are_not_taken_for_the_commit() {
    let world = World::new();
    let app = world.checkout("shop", crate::world::WEB);
    let web = std::fs::read_to_string(app.folder().join("web.py")).unwrap();
    app.write("web.py", &web.replace("\"XII_RELEASE\"] + \"", "\"XII_RELEASE\"] + \" edited"));
    let _ = app.xii(&["deploy", "--dirty"]).ok();
    assert_eq!(app.body("/"), "v1 edited web.1");
    app.git(&["checkout", "-q", "web.py"]);
    let _ = app.xii(&["deploy"]).ok();
    assert_eq!(app.body("/"), "v2 web.1");
    world.leave();
}

#[test]
fn a_staging_deploy_has_its_own_address_and_config() {
    let world = World::new();
    let app = world.deployed("shop");
    let _ = app.xii(&["config", "set", "COLOUR=red"]).ok();
    let _ = app.xii(&["deploy", "-d", "staging"]).refused(2, &["staging", "xii create shop -d"]);
    let _ = app.xii(&["create", "shop", "-d", "staging"]).ok();
    let _ = app.xii(&["config", "set", "COLOUR=blue", "-a", "shop/staging"]).ok();
    let _ = app.xii(&["deploy", "-d", "staging"]).ok().says(&["unchanged"]);
    let colour = |host: &str| world.get(host, "/env/COLOUR").body;
    assert_eq!(colour("staging.shop.localhost"), "blue");
    assert_eq!(colour("shop.localhost"), "red");
    world.leave();
}
