//! `addons`: the backing services an app asks for.

use super::reader::Reader;
use crate::app::ConfigKey;
use serde_json::Value;
use std::collections::BTreeMap;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addon {
    /// `SERVICE` or `SERVICE:PLAN`.
    pub plan: String,
    /// `as`: the config name it is attached under.
    pub attached_as: Option<ConfigKey>,
    /// Numbers and booleans as JSON writes them.
    pub options: BTreeMap<String, String>,
}

#[cfg(test)]
pub const KEYS: [&str; 3] = ["plan", "as", "options"];

const PLAN: &str = "a service, or SERVICE:PLAN, like \"heroku-postgresql:mini\"";
const LONGEST_PLAN: usize = 100;

pub fn read<'v>(reader: &mut Reader<'_>, value: &'v Value, path: &[&'v str]) -> Vec<Addon> {
    let mut addons = Vec::new();
    for (index, value) in reader.array(value, path, "a list like [\"heroku-postgresql\"]") {
        let path = [path, &[index.as_str()]].concat();
        let addon = match value {
            Value::String(_) => reader.parsed(value, &path, PLAN, plan).map(|plan| Addon {
                plan,
                attached_as: None,
                options: BTreeMap::new(),
            }),
            value => addon(reader, value, &path),
        };
        addons.extend(addon);
    }
    addons
}

fn addon<'v>(reader: &mut Reader<'_>, value: &'v Value, path: &[&'v str]) -> Option<Addon> {
    let mut addon = Addon { plan: String::new(), attached_as: None, options: BTreeMap::new() };
    let expected = "a string, or an object like { \"plan\": \"heroku-postgresql\" }";
    if value.is_object() && value.get("plan").is_none() {
        reader.refuse(path, "the add-on has no `plan`", format!("expected {expected}"));
        return None;
    }
    for (key, path, value) in reader.object(value, path, expected) {
        match key {
            "plan" => addon.plan = reader.parsed(value, &path, PLAN, plan)?,
            "as" => {
                let expected = "a config name like \"CACHE\"";
                addon.attached_as = reader.parsed(value, &path, expected, config_key);
            }
            "options" => addon.options = options(reader, value, &path),
            _ => {}
        }
    }
    value.is_object().then_some(addon)
}

fn plan(text: &str) -> Result<String, String> {
    let is_name = |part: &str| {
        let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        !part.is_empty() && part.bytes().all(plain)
    };
    match text.len() <= LONGEST_PLAN && text.splitn(2, ':').all(is_name) {
        true => Ok(text.to_string()),
        false => Err("this names no add-on".to_string()),
    }
}

fn config_key(text: &str) -> Result<ConfigKey, String> {
    text.parse().map_err(|error: crate::app::NameError| error.to_string())
}

fn options<'v>(
    reader: &mut Reader<'_>,
    value: &'v Value,
    path: &[&'v str],
) -> BTreeMap<String, String> {
    let mut options = BTreeMap::new();
    let expected = "an object like { \"version\": \"16\" }";
    for (name, path, value) in reader.object(value, path, expected) {
        match value {
            Value::String(_) => {
                options.extend(reader.text(value, &path).map(|text| (name.to_string(), text)))
            }
            Value::Bool(_) | Value::Number(_) => {
                options.insert(name.to_string(), value.to_string());
            }
            _ => reader.wrong_type(value, &path, "a string, a number or a boolean"),
        }
    }
    options
}
