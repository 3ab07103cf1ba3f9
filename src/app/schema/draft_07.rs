//! As much of JSON Schema's draft 7 as our two schemas use, for the tests that hold them
//! against the parsers. A word it does not know is a failed test, not a rule left out.

use regex_lite::Regex;
use serde_json::Value;

/// Words that say something to people only.
const NOTES: [&str; 5] = ["$schema", "title", "description", "default", "definitions"];

pub fn is_valid(schema: &Value, value: &Value) -> bool {
    follows(schema, schema, value)
}

fn follows(top: &Value, schema: &Value, value: &Value) -> bool {
    match schema {
        Value::Bool(allowed) => *allowed,
        Value::Object(rules) => rules
            .iter()
            .filter(|(word, _)| !NOTES.contains(&word.as_str()))
            .all(|(word, rule)| holds(top, schema, word, rule, value)),
        other => panic!("no schema: {other}"),
    }
}

fn holds(top: &Value, schema: &Value, word: &str, rule: &Value, value: &Value) -> bool {
    let number = |rule: &Value| rule.as_f64().unwrap();
    let list = |rule: &Value| rule.as_array().unwrap().clone();
    let length = value.as_str().map(|text| text.chars().count() as f64);
    let items = value.as_array().cloned().unwrap_or_default();
    let members = value.as_object().cloned().unwrap_or_default();
    match word {
        "$ref" => follows(top, top.pointer(&rule.as_str().unwrap()[1..]).unwrap(), value),
        "type" if rule.is_array() => list(rule).iter().any(|rule| is_type(rule, value)),
        "type" => is_type(rule, value),
        "enum" => list(rule).contains(value),
        "const" => rule == value,
        "not" => !follows(top, rule, value),
        "anyOf" => list(rule).iter().any(|rule| follows(top, rule, value)),
        "pattern" => value
            .as_str()
            .is_none_or(|text| Regex::new(rule.as_str().unwrap()).unwrap().is_match(text)),
        "minLength" => length.is_none_or(|length| length >= number(rule)),
        "maxLength" => length.is_none_or(|length| length <= number(rule)),
        "minimum" => value.as_f64().is_none_or(|value| value >= number(rule)),
        "maximum" => value.as_f64().is_none_or(|value| value <= number(rule)),
        "items" => items.iter().all(|item| follows(top, rule, item)),
        "maxItems" => items.len() as f64 <= number(rule),
        "uniqueItems" => items.iter().enumerate().all(|(at, item)| !items[..at].contains(item)),
        "required" => {
            let has = |name: &Value| members.contains_key(name.as_str().unwrap());
            !value.is_object() || list(rule).iter().all(has)
        }
        "propertyNames" => {
            members.keys().all(|name| follows(top, rule, &Value::from(name.as_str())))
        }
        "properties" => members
            .iter()
            .all(|(name, value)| rule.get(name).is_none_or(|rule| follows(top, rule, value))),
        "additionalProperties" => {
            let known = |name: &str| schema["properties"].get(name).is_some();
            members.iter().all(|(name, value)| known(name) || follows(top, rule, value))
        }
        other => panic!("`{other}` is in a schema, but not in this test"),
    }
}

fn is_type(rule: &Value, value: &Value) -> bool {
    match rule.as_str().unwrap() {
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        other => panic!("no type: {other}"),
    }
}
