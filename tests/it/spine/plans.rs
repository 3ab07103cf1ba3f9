//! `--plan` says what would be done and does nothing; reads are JSON for programs.

use crate::world::{WEB, World};
use serde_json::Value;

#[test]
fn a_plan_prints_the_actions_and_does_nothing() {
    let world = World::new();
    let new = world.checkout("shop", WEB);
    let _ = new.xii(&["deploy", "--plan"]).ok().says(&["release v1", "start web.1 on v1"]);
    assert_eq!(world.xii(&["apps", "--json"]).ok().json(), serde_json::json!([]));
    let _ = new.xii(&["deploy"]).ok();
    let _ = new.xii(&["config", "set", "A=1"]).ok();
    let before = new.json(&["ps"])["instances"][0]["keeper"].clone();
    for (words, lines) in [
        (&["deploy"][..], &["build", "release v3", "start web.1 on v3", "stop web.1 on v2"][..]),
        (&["config", "set", "A=2"], &["release v3: config set A", "start web.1 on v3"]),
        (&["config", "unset", "A"], &["release v3: config unset A"]),
        (&["scale", "web=2", "worker=1"], &["start web.2 on v2", "start worker.1 on v2"]),
        (&["scale", "web=0"], &["route nothing", "stop web.1 on v2"]),
        (&["rollback"], &["release v3: code, commands and config of v1", "start web.1 on v3"]),
        (&["restart"], &["start web.1 on v2", "stop web.1 on v2"]),
        (&["stop"], &["stop web.1 on v2"]),
    ] {
        let _ = new.xii(&[words, &["--plan"]].concat()).ok().says(lines);
        let plan = new.json(&[words, &["--plan"]].concat());
        assert!(plan["plan"].as_array().is_some_and(|lines| !lines.is_empty()), "{plan}");
    }
    let _ = new.xii(&["config", "set", "A=1", "--plan"]).ok().says(&["already"]);
    assert_eq!(new.release(), 2);
    assert_eq!(new.json(&["ps"])["instances"][0]["keeper"], before);
    world.leave();
}

#[test]
fn every_read_is_json_with_keys_that_stay() {
    let world = World::new();
    let app = world.deployed("shop");
    for (words, expected) in [
        (
            &["info"][..],
            "commands commit created_at deploy formation operation release released_at \
                         stack state subject url",
        ),
        (&["ps"], "commands deploy formation instances isolation"),
        (&["config"], "deploy release values"),
        (
            &["releases", "info"],
            "branch build by commands commit config_names created_at current \
                                 dirty number reason stack status subject why_failed",
        ),
        (&["releases", "diff", "v1", "v1"], "from lines to"),
        (&["releases", "verify"], "builds problems releases"),
        (&["doctor"], "checks"),
        (&["scale"], "web worker"),
    ] {
        assert_eq!(keys(&app.json(words)), expected, "{words:?}");
    }
    for (words, expected) in [
        (&["apps"][..], "app created_at deploys roots subdir"),
        (
            &["deploys"],
            "commands commit created_at deploy formation operation release \
                        released_at stack state subject url",
        ),
        (
            &["releases"],
            "branch build by commands commit config_names created_at current dirty \
                         number reason stack status subject why_failed",
        ),
    ] {
        assert_eq!(keys(&app.json(words)[0]), expected, "{words:?}");
    }
    let instance = &app.json(&["ps"])["instances"][0];
    let expected =
        "detail in_flight keeper memory_bytes name pid port release restarts since state";
    assert_eq!(keys(instance), expected);
    let refused = app.xii(&["ps", "-a", "nobody", "--json"]).refused(2, &[]);
    assert!(refused.err.contains("nobody") || refused.out.contains("nobody"));
    world.leave();
}

fn keys(value: &Value) -> String {
    let mut keys: Vec<&str> = value.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys.join(" ")
}

#[test]
fn herokus_spellings_are_understood() {
    let world = World::new();
    let app = world.deployed("shop");
    for words in [
        &["config:set", "A=1"][..],
        &["config:get", "A"],
        &["config:unset", "A"],
        &["ps:scale", "web=2"],
        &["ps:restart"],
        &["ps:stop", "web.2"],
        &["releases:info", "v1"],
        &["releases:rollback", "v1"],
        &["apps:create", "other"],
        &["apps:info"],
    ] {
        let _ = app.xii(words).ok();
    }
    let _ = app.xii(&["ps:scael", "web=2"]).refused(2, &["error"]);
    world.leave();
}
