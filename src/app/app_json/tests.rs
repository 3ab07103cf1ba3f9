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
    let text = r#"{
      "name": "Guestbook", "description": "Leave a line", "keywords": ["x"], "stack": "heroku-24",
      "env": {
        "GREETING": "hello",
        "SECRET_KEY": { "description": "signs sessions", "generator": "secret" },
        "SENTRY_DSN": { "required": false, "value": "" }
      },
      "formation": { "web": { "quantity": 2, "size": "standard-1x" }, "worker": { "size": "eco" } },
      "scripts": { "postdeploy": { "command": "python seed.py", "size": "eco" }, "test": "pytest" },
      "buildpacks": [{ "url": "heroku/python" }], "addons": ["heroku-postgresql"],
      "environments": { "test": {} }, "cron": []
    }"#;
    let app = parse(text).unwrap();
    assert_eq!(app.name.as_deref(), Some("Guestbook"));
    assert_eq!(app.postdeploy.as_deref(), Some("python seed.py"));
    assert_eq!(app.formation[&ProcessType::web()].quantity, Some(2));
    assert_eq!(app.formation[&"worker".parse().unwrap()].quantity, None);
    let entry = |name: &str| &app.env[&name.parse().unwrap()];
    assert_eq!(entry("GREETING").value.as_deref(), Some("hello"));
    assert!(entry("SECRET_KEY").generated && entry("SECRET_KEY").required);
    assert!(!entry("SENTRY_DSN").required);
    assert_eq!(parse("\u{feff}{}").unwrap(), AppJson::default());
}

#[test]
fn every_error_is_reported_with_the_value_it_is_about() {
    let text = r#"{"name": 3, "env": {"1X": "a", "PORT": "1", "A": {"required": "no", "generator": "uuid"}, "B": 4},
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
        ("this is a number", "4"),
        ("the Procfile has no process type `wrker`", "{\"quantity\": 1}"),
        ("this is no number of instances", "-1"),
        ("`release` is the release phase; it has no instances", "{}"),
        ("this is a string", "\"x\""),
    ];
    let expected = expected.map(|(message, at)| (message.to_string(), at.to_string()));
    assert_eq!(errors(text), expected);
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
