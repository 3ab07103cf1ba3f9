//! `env`: the config an app needs, and what it begins with.

use super::reader::Reader;
use crate::app::ConfigKey;
use serde_json::Value;
use std::collections::BTreeMap;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvEntry {
    /// The value to begin with.
    pub value: Option<String>,
    pub description: Option<String>,
    /// True unless the file says otherwise.
    pub required: bool,
    /// `"generator": "secret"`: a random value is made for it.
    pub generated: bool,
}

#[cfg(test)]
pub const KEYS: [&str; 4] = ["value", "description", "required", "generator"];

pub fn read<'v>(
    reader: &mut Reader<'_>,
    value: &'v Value,
    path: &[&'v str],
) -> BTreeMap<ConfigKey, EnvEntry> {
    let mut env = BTreeMap::new();
    for (name, path, value) in reader.object(value, path, "an object of config names") {
        let entry = entry(reader, value, &path);
        match name.parse::<ConfigKey>() {
            Ok(key) if key.is_reserved() => {
                let message = format!("`{name}` is set by xii itself");
                reader.refuse(&path, message, "remove this entry");
            }
            Ok(key) => _ = env.insert(key, entry),
            Err(error) => reader.refuse(&path, error.to_string(), "the value of this name"),
        }
    }
    env
}

/// A string, or an object that describes the value.
fn entry<'v>(reader: &mut Reader<'_>, value: &'v Value, path: &[&'v str]) -> EnvEntry {
    let mut entry = EnvEntry { value: None, description: None, required: true, generated: false };
    if !value.is_object() {
        entry.value = constant(reader, value, path);
        return entry;
    }
    for (key, path, value) in reader.object(value, path, "an object") {
        match (key, value) {
            ("value", value) => entry.value = constant(reader, value, &path),
            ("description", value) => entry.description = reader.text(value, &path),
            ("required", Value::Bool(required)) => entry.required = *required,
            ("required", value) => reader.wrong_type(value, &path, "true or false"),
            ("generator", Value::String(name)) if name == "secret" => entry.generated = true,
            ("generator", _) => {
                reader.refuse(&path, "there is no such generator", "expected \"secret\"");
            }
            _ => {}
        }
    }
    entry
}

/// Heroku's schema says strings, but `true` and `5` stand in many a file, and can only mean
/// one text.
fn constant(reader: &mut Reader<'_>, value: &Value, path: &[&str]) -> Option<String> {
    match value {
        Value::String(_) => reader.text(value, path),
        Value::Bool(_) => Some(value.to_string()),
        Value::Number(number) if !number.is_f64() => Some(value.to_string()),
        _ => {
            reader.wrong_type(value, path, "a string, or an object like { \"value\": \"…\" }");
            None
        }
    }
}
