use super::draft_07::is_valid;
use super::*;
use crate::app::{SourceFile, parse_app_json, parse_settings};
use serde_json::{Value, json};

fn schema(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// Whether the parser and the schema agree on a file, and what they say.
fn app_json(text: &str) -> bool {
    let parsed = parse_app_json(&SourceFile::new("app.json", text), None).is_ok();
    let valid = is_valid(&schema(APP_JSON_SCHEMA), &serde_json::from_str(text).unwrap());
    assert_eq!(parsed, valid, "parsed: {parsed}, valid: {valid}: {text}");
    parsed
}

fn xii_toml(text: &str) -> bool {
    let parsed = parse_settings(&SourceFile::new("xii.toml", text), None).is_ok();
    let valid = is_valid(&schema(XII_TOML_SCHEMA), &toml::from_str(text).unwrap());
    assert_eq!(parsed, valid, "parsed: {parsed}, valid: {valid}: {text}");
    parsed
}

#[test]
fn files_that_parse_are_valid() {
    assert!(app_json(include_str!("../../../examples/guestbook/app.json")));
    assert!(app_json(crate::app::app_json::WHOLE));
    assert!(xii_toml(include_str!("../../../examples/guestbook/xii.toml")));
    assert!(xii_toml(include_str!("../../../docs/xii.toml")));
    for good in ["stack = 'host'", "process.web.memory = '64MiB'", "boot_timeout = '1.5m'"] {
        assert!(xii_toml(good), "{good}");
    }
    for good in [
        json!({ "stack": "heroku-24", "image": "heroku/python", "website": 3 }),
        json!({ "env": { "A": 3, "C": { "value": true } } }),
        json!({ "env": { "A": "", "B": { "required": false, "unknown": 1 } } }),
        json!({ "scripts": { "postdeploy": { "command": "x", "size": "eco" }, "other": 1 } }),
        json!({ "environments": { "test": { "buildpacks": ["heroku/nodejs"], "cron": 3 } } }),
    ] {
        assert!(app_json(&good.to_string()), "{good}");
    }
}

#[test]
fn files_that_do_not_parse_are_not_valid() {
    let wrong = [
        json!([]),
        json!({ "name": 3 }),
        json!({ "env": { "1A": "x" } }),
        json!({ "env": { "A": 3.5 } }),
        json!({ "env": { "A": { "value": [] } } }),
        json!({ "env": { "A": { "required": "no" } } }),
        json!({ "env": { "A": { "generator": "uuid" } } }),
        json!({ "formation": { "web": { "quantity": -1 } } }),
        json!({ "formation": { "web": { "quantity": 1001 } } }),
        json!({ "formation": { "release": { "quantity": 1 } } }),
        json!({ "formation": { "web": 3 } }),
        json!({ "scripts": "x" }),
        json!({ "scripts": { "test": 3 } }),
        json!({ "addons": "redis" }),
        json!({ "addons": [{ "as": "CACHE" }] }),
        json!({ "addons": [{ "plan": "redis", "options": { "a": [] } }] }),
        json!({ "buildpacks": [3] }),
        json!({ "buildpacks": [{ "name": "x" }] }),
        json!({ "stack": "debian-11" }),
        json!({ "cron": [{ "command": "x" }] }),
        json!({ "cron": {} }),
        json!({ "environments": [] }),
        json!({ "environments": { "staging": 3 } }),
        json!({ "environments": { "Big One": {} } }),
        json!({ "environments": { "staging": { "stack": "nope" } } }),
    ];
    for wrong in wrong {
        assert!(!app_json(&wrong.to_string()), "{wrong}");
    }
    for wrong in [
        "nope = 1",
        "app = 'My App'",
        "stack = 'heroku-24'",
        "stack.packages = ['-y']",
        "stack.packages = ['a1', 'a1']",
        "stack.nope = 1",
        "health = 'x'",
        "boot_timeout = '90'",
        "scratch = ['/tmp']",
        "build.comand = 'x'",
        "build.command = 3",
        "build.env = { A = 1 }",
        "build.timeout = 45",
        "build.memory = '6'",
        "process.web.memory = 512",
        "process.web.memory = '1X'",
        "process.web.cpu = 0",
        "process.web.pids = 1.5",
        "process.web.singleton = 'yes'",
        "process.web.nope = 1",
        "process.'a b'.cpu = 1",
    ] {
        assert!(!xii_toml(wrong), "{wrong}");
    }
}
