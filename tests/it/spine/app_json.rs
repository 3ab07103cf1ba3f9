//! What app.json asks for when code arrives: config, and a script that runs once.

use crate::world::{WEB, World};
use std::process::Stdio;

const ENV: &str = r#"{
  "env": {
    "GREETING": "hello",
    "COLOUR": "app.json's",
    "DEBUG": { "value": "1", "required": false },
    "SECRET_KEY": { "generator": "secret" },
    "TOKEN": { "description": "the token of the bank" }
  },
  "environments": { "staging": { "env": { "GREETING": "psst", "TOKEN": "fake" } } },
  "scripts": { "postdeploy": "echo seeded $GREETING on $XII_RELEASE" }
}"#;

#[test]
fn config_is_required_or_filled_in_and_never_overwritten() {
    let world = World::new();
    let app = world.checkout("shop", WEB);
    app.commit(&[("app.json", ENV)]);
    let lines = [
        "config: set GREETING",
        "config: set SECRET_KEY, random",
        "config: missing TOKEN",
        "postdeploy: echo",
    ];
    let plan = app.xii(&["deploy", "--plan"]).ok().says(&lines);
    assert!(!plan.out.contains("hello"), "names only: {}", plan.out);
    let words =
        ["TOKEN (the token of the bank)", "xii create shop\n", "xii config set TOKEN=… -a shop"];
    let _ = app.xii(&["deploy"]).refused(2, &words);
    assert_eq!(world.xii(&["apps", "--json"]).ok().json(), serde_json::json!([]));

    let _ = app.xii(&["create", "shop"]).ok();
    let _ = app.xii(&["config", "set", "TOKEN=mine", "COLOUR=mine", "-a", "shop"]).ok();
    let said = app.xii(&["deploy"]).ok();
    assert!(
        said.err.contains("config set DEBUG, GREETING, SECRET_KEY by app.json"),
        "{}",
        said.err
    );
    let secret = app.body("/env/SECRET_KEY");
    assert_eq!(secret.len(), 64);
    assert!(!said.err.contains(&secret) && !said.out.contains(&secret));
    let env = |name: &str| app.body(&format!("/env/{name}"));
    assert_eq!([env("GREETING"), env("TOKEN"), env("COLOUR")], ["hello", "mine", "mine"]);

    // Later: what is new or required comes, what was unset on purpose stays away.
    let _ = app.xii(&["config", "unset", "DEBUG"]).ok();
    let more =
        ENV.replace("\"GREETING\": \"hello\",", "\"GREETING\": \"changed\", \"NEW\": \"new\",");
    app.commit(&[("app.json", &more)]);
    let _ = app.xii(&["deploy"]).ok();
    assert_eq!([env("GREETING"), env("NEW"), env("DEBUG")], ["hello", "new", "(unset)"]);
    assert_eq!(env("SECRET_KEY"), secret);
    let more = more.replace("\"NEW\": \"new\"", "\"NEWER\": { \"description\": \"why\" }");
    app.commit(&[("app.json", &more)]);
    let release = app.release();
    let _ = app.xii(&["deploy"]).refused(2, &["NEWER (why)", "xii config set NEWER=… -a shop"]);
    assert_eq!(app.release(), release);
    assert_eq!(world.log("shop").matches("app[postdeploy.1]: seeded").count(), 1);
    assert!(world.log("shop").contains("app[postdeploy.1]: seeded hello on v2"));

    // The environment of a deploy's name is for that deploy.
    let _ = app.xii(&["create", "shop", "-d", "staging"]).ok();
    let _ = app.xii(&["config", "set", "NEWER=1", "-d", "staging"]).ok();
    let _ = app.xii(&["deploy", "-d", "staging"]).ok().says(&["postdeploy", "seeded psst on v2"]);
    let of_staging = |name: &str| world.get("staging.shop.localhost", &format!("/env/{name}")).body;
    assert_eq!([of_staging("GREETING"), of_staging("TOKEN")], ["psst", "fake"]);
    world.leave();
}

#[test]
fn a_postdeploy_that_fails_leaves_the_release_serving_and_is_not_repeated() {
    let world = World::new();
    let app = world.checkout("shop", WEB);
    let script = r#"{"scripts": {"postdeploy": {"command": "echo seeding; exit 9"}}}"#;
    app.commit(&[("app.json", script)]);
    let words = ["postdeploy failed: exit 9", "v1 serves all the same", "xii run"];
    let _ = app.xii(&["deploy"]).refused(3, &words).says(&["seeding"]);
    assert_eq!(app.body("/"), "v1 web.1");
    assert_eq!(app.json(&["releases", "info", "v1"])["status"], "active");
    let _ = app.xii(&["deploy"]).ok();
    assert_eq!(world.log("shop").matches("app[postdeploy.1]: seeding").count(), 1);
    world.leave();
}

#[test]
fn a_postdeploy_whose_server_is_killed_runs_to_its_end_and_never_again() {
    let world = World::new();
    let app = world.checkout("shop", WEB);
    let script = "echo began; sleep 3; echo ended";
    let app_json = serde_json::json!({ "scripts": { "postdeploy": script } });
    app.commit(&[("app.json", &app_json.to_string())]);
    let mut deploy = app.command(&["deploy"]).stderr(Stdio::null()).spawn().unwrap();
    let began = || world.xii(&["logs", "-a", "shop"]).out.contains("app[postdeploy.1]: began");
    world.until("postdeploy runs", || began().then_some(()));
    world.kill_server();
    world.up();
    assert!(!world.until("the command ends", || deploy.try_wait().unwrap()).success());
    world.until("postdeploy ends", || {
        world.log("shop").contains("app[postdeploy.1]: ended").then_some(())
    });
    let _ = app.xii(&["deploy"]).ok();
    assert_eq!(app.body("/"), "v2 web.1");
    let log = world.log("shop");
    assert_eq!(
        (
            log.matches("app[postdeploy.1]: began").count(),
            log.matches("app[postdeploy.1]: ended").count()
        ),
        (1, 1),
        "{log}"
    );
    world.leave();
}
