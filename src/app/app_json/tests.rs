use super::*;
use proptest::prelude::*;

fn parse(text: &str) -> Result<AppJson, Diagnostics> {
    let declared = ["web", "worker"].map(|name| name.parse().unwrap()).into();
    parse_app_json(&SourceFile::new("app.json", text), Some(&declared))
}

/// Message and the text under the carets.
fn errors(text: &str) -> Vec<(String, String)> {
    let list = parse(text).unwrap_err().list;
    list.into_iter().map(|d| (d.message, text.get(d.span).unwrap_or("").to_string())).collect()
}

#[test]
fn what_heroku_writes_is_read_and_what_means_nothing_here_is_let_be() {
    let app = parse(WHOLE).unwrap();
    assert_eq!(app.name.as_deref(), Some("Guestbook"));
    assert_eq!(app.postdeploy.as_deref(), Some("python seed.py"));
    assert_eq!(app.test.as_deref(), Some("pytest"));
    assert_eq!(app.formation[&ProcessType::web()].quantity, Some(2));
    assert_eq!(app.formation[&"worker".parse().unwrap()].quantity, None);
    let entry = |name: &str| &app.env[&name.parse().unwrap()];
    assert_eq!(entry("GREETING").value.as_deref(), Some("hello"));
    assert!(entry("SECRET_KEY").generated && entry("SECRET_KEY").required);
    assert!(!entry("SENTRY_DSN").required);
    assert_eq!(app.buildpacks, ["heroku/nodejs", "https://github.com/x/y"]);
    assert_eq!(app.stack, None, "Heroku's stacks are not ours");
    assert_eq!(app.addons[0].plan, "heroku-postgresql");
    assert_eq!(app.addons[1].attached_as, Some("CACHE".parse().unwrap()));
    let options = app.addons[1].options.iter().map(|(name, value)| format!("{name}={value}"));
    assert_eq!(options.collect::<Vec<_>>(), ["big=true", "version=7"]);
    assert_eq!(app.cron[0], CronJob { command: "./nightly".into(), schedule: "0 3 * * *".into() });
    assert_eq!(parse("\u{feff}{}").unwrap(), AppJson::default());
    let plain = parse(r#"{"env": {"A": true, "B": {"value": 5}, "C": "x"}}"#).unwrap();
    let values: Vec<_> = plain.env.values().map(|entry| entry.value.as_deref()).collect();
    assert_eq!(values, [Some("true"), Some("5"), Some("x")]);
    let blank = r#"{"scripts": {"postdeploy": " "}}"#;
    assert_eq!(parse(blank).unwrap(), AppJson::default());
}

#[test]
fn an_environment_stands_over_the_rest_for_the_deploy_of_its_name_only() {
    let app = parse(WHOLE).unwrap();
    let of = |name: &str| app.for_deploy(&name.parse().unwrap());
    let (production, staging) = (of("production"), of("staging"));
    assert_eq!(production, AppJson { environments: BTreeMap::new(), ..app.clone() });
    assert_eq!(staging.for_deploy(&"staging".parse().unwrap()), staging);

    let value = |app: &AppJson, name: &str| app.env[&name.parse().unwrap()].value.clone();
    assert_eq!(value(&staging, "GREETING").as_deref(), Some("psst"));
    assert_eq!(value(&staging, "ONLY_HERE").as_deref(), Some("1"));
    assert_eq!(
        staging.env[&"SECRET_KEY".parse().unwrap()],
        app.env[&"SECRET_KEY".parse().unwrap()]
    );
    assert!(!production.env.contains_key(&"ONLY_HERE".parse().unwrap()));
    // A type without a quantity keeps the one it has.
    assert_eq!(staging.formation[&ProcessType::web()].quantity, Some(2));
    assert_eq!(staging.formation[&"worker".parse().unwrap()].quantity, Some(1));
    assert_eq!(staging.postdeploy.as_deref(), Some("python fake.py"));
    assert_eq!(staging.test, app.test);
    assert_eq!(staging.stack.as_deref(), Some("debian-12"));
    assert_eq!(staging.addons, [], "an empty list takes away");
    assert_eq!(staging.buildpacks, app.buildpacks, "no list changes nothing");
    assert_eq!(staging.cron, app.cron);
}

#[test]
fn every_error_is_reported_with_the_value_it_is_about() {
    let text = r#"{"name": 3, "env": {"1X": "a", "PORT": "1", "A": {"required": "no", "generator": "uuid"}, "B": 4.5},
      "formation": {"wrker": {"quantity": 1}, "web": {"quantity": -1}, "release": {}}, "scripts": "x"}"#;
    let expected = [
        ("this is a number", "3"),
        (
            "config name \"1X\" starts with a digit; allowed are 1 to 128 of A-Z, a-z, 0-9 and _, not starting with a digit",
            "\"a\"",
        ),
        ("`PORT` is set by xii itself", "\"1\""),
        ("this is a string", "\"no\""),
        ("there is no such generator", "\"uuid\""),
        ("this is a number", "4.5"),
        ("the Procfile has no process type `wrker`", "{\"quantity\": 1}"),
        ("this is no number of instances", "-1"),
        ("`release` is the release phase; it has no instances", "{}"),
        ("this is a string", "\"x\""),
    ];
    let expected = expected.map(|(message, at)| (message.to_string(), at.to_string()));
    assert_eq!(errors(text), expected);
}

#[test]
fn errors_in_lists_and_environments_stand_where_they_are() {
    let text = r#"{
      "addons": ["a b", {"as": "X"}, {"plan": "redis", "as": "1", "options": {"x": []}}, 5],
      "buildpacks": [{"url": ""}, 7],
      "cron": [{"command": "x", "schedule": "@often"}, {"schedule": "@daily"}, "y"],
      "stack": "debian12",
      "environments": {"Test": {}, "staging": {"env": {"PORT": "1"}, "formation": {"wbe": {}}, "stack": 3}}
    }"#;
    let expected = [
        ("this names no add-on", "\"a b\""),
        ("the add-on has no `plan`", "{\"as\": \"X\"}"),
        (
            "config name \"1\" starts with a digit; allowed are 1 to 128 of A-Z, a-z, 0-9 and _, not starting with a digit",
            "\"1\"",
        ),
        ("this is an array", "[]"),
        ("this is a number", "5"),
        ("this is no address of a buildpack", "\"\""),
        ("this is a number", "7"),
        ("a schedule has five fields, this has 1", "\"@often\""),
        ("the job has no `command`", "{\"schedule\": \"@daily\"}"),
        ("this is a string", "\"y\""),
        ("there is no stack \"debian12\"", "\"debian12\""),
        (
            "deploy name \"Test\" contains 'T'; allowed are 1 to 30 of a-z, 0-9 and -, starting with a letter",
            "{}",
        ),
        ("`PORT` is set by xii itself", "\"1\""),
        ("the Procfile has no process type `wbe`", "{}"),
        ("this is a number", "3"),
    ];
    let expected = expected.map(|(message, at)| (message.to_string(), at.to_string()));
    assert_eq!(errors(text), expected);
}

/// The names a schema gives to the members of the object at this place.
fn members(schema: &Value, pointer: &str) -> BTreeSet<String> {
    let object = schema.pointer(pointer).unwrap_or_else(|| panic!("no {pointer}"));
    object["properties"].as_object().unwrap().keys().cloned().collect()
}

#[test]
fn the_schema_has_every_key_that_is_read_and_every_key_of_the_schema_is_read() {
    let schema: Value = serde_json::from_str(crate::app::APP_JSON_SCHEMA).unwrap();
    let any = "/additionalProperties";
    for (pointer, keys) in [
        (String::new(), &KEYS[..]),
        (format!("/definitions/env{any}/anyOf/1"), &env::KEYS),
        (format!("/definitions/formation{any}"), &formation::KEYS),
        ("/definitions/scripts".to_string(), &environment::SCRIPT_KEYS),
        ("/definitions/addons/items/anyOf/1".to_string(), &addons::KEYS),
        (format!("/properties/environments{any}"), &environment::KEYS),
        ("/properties/cron/items".to_string(), &cron::KEYS),
    ] {
        let keys: BTreeSet<String> = keys.iter().map(ToString::to_string).collect();
        assert_eq!(members(&schema, &pointer), keys, "{pointer}");
    }
    // The lists say what the code does: nothing of them may be a number with a fraction.
    for key in KEYS {
        assert_eq!(errors(&format!("{{\"{key}\": 1.5}}")).len(), 1, "{key}");
    }
    for key in environment::KEYS {
        let text = format!("{{\"environments\": {{\"staging\": {{\"{key}\": 1.5}}}}}}");
        assert_eq!(errors(&text).len(), 1, "{key}");
    }
    for (around, keys) in [
        ("{\"env\": {\"A\": HERE}}", &env::KEYS[..]),
        ("{\"formation\": {\"web\": HERE}}", &formation::KEYS),
        ("{\"scripts\": HERE}", &environment::SCRIPT_KEYS),
    ] {
        for key in keys {
            let text = around.replace("HERE", &format!("{{\"{key}\": 1.5}}"));
            assert_eq!(errors(&text).len(), 1, "{text}");
        }
    }
}

#[test]
fn broken_json_shows_the_place() {
    let rendered = parse("{\n  \"name\": \"x\",\n}\n").unwrap_err().render();
    assert_eq!(
        rendered,
        "error: trailing comma\n --> app.json:3:1\n  |\n3 | }\n  | ^ here the file stops being JSON"
    );
    for text in ["", "{", "[", "{\"a\"", "\"", "nul", "{}x", "[]", "3", "\n\n"] {
        assert!(!parse(text).unwrap_err().render().is_empty(), "{text}");
    }
    assert!(parse(&"[".repeat(100_000)).unwrap_err().render().contains("recursion limit"));
}

#[test]
fn a_hopeless_file_is_given_up_on_quickly() {
    let members: Vec<String> = (0..20_000).map(|n| format!("\"{n}\": {n}")).collect();
    let text = format!("{{\"env\": {{{}}}}}", members.join(", "));
    assert_eq!(parse(&text).unwrap_err().list.len(), 50);
}

proptest! {
    #[test]
    fn quantities_and_values_written_are_read(
        quantity in 0u32..=1000,
        value in "[^\\x00]{0,20}",
    ) {
        let text = serde_json::json!({
            "env": { "A": value }, "formation": { "worker": { "quantity": quantity } },
        });
        let app = parse(&text.to_string()).unwrap();
        prop_assert_eq!(app.formation[&"worker".parse().unwrap()].quantity, Some(quantity));
        prop_assert_eq!(app.env[&"A".parse().unwrap()].value.as_deref(), Some(value.as_str()));
    }
}
