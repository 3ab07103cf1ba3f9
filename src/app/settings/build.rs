//! `[build]`: how a tree becomes a build when detection is not enough.

use super::relative_path;
use super::value::{self, Key, Value};
use crate::app::{ConfigKey, Diagnostic};
use std::collections::BTreeMap;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BuildSettings {
    pub command: Option<String>,
    /// Constants of the build, never secrets: they stand in the repository.
    pub env: BTreeMap<String, String>,
    /// The folder that is the site, or the result, relative to the app.
    pub output: Option<String>,
}

pub const KEYS: [&str; 3] = ["command", "env", "output"];

pub fn parse(value: &Value<'_>, found: &mut Vec<Diagnostic>) -> BuildSettings {
    let mut build = BuildSettings::default();
    for (key, value) in value::table(value, "a table like [build]", found) {
        match key.get_ref().as_ref() {
            "command" => build.command = value::parsed(value, "a shell command", command, found),
            "output" => {
                build.output =
                    value::parsed(value, "a folder like \"public\"", relative_path, found)
            }
            "env" => build.env = env(value, found),
            _ => found.push(value::unknown_key(key, "[build]", &KEYS)),
        }
    }
    build
}

fn command(text: &str) -> Result<String, String> {
    if text.trim().is_empty() {
        return Err("the build command is empty".to_string());
    }
    without_nul(text)
}

fn env(value: &Value<'_>, found: &mut Vec<Diagnostic>) -> BTreeMap<String, String> {
    let mut env = BTreeMap::new();
    for (key, value) in value::table(value, "a table like { NODE_ENV = \"production\" }", found) {
        let name = env_name(key, found);
        let constant = value::parsed(value, "a string", without_nul, found);
        if let (Some(name), Some(constant)) = (name, constant) {
            env.insert(name, constant);
        }
    }
    env
}

fn env_name(key: &Key<'_>, found: &mut Vec<Diagnostic>) -> Option<String> {
    let problem = match key.get_ref().parse::<ConfigKey>() {
        Ok(name) if name.is_reserved() => format!("`{name}` is set by xii itself"),
        Ok(name) => return Some(name.into()),
        Err(error) => error.to_string(),
    };
    found.push(Diagnostic::new(key.span(), problem, ""));
    None
}

fn without_nul(text: &str) -> Result<String, String> {
    match text.contains('\0') {
        true => Err("a NUL character can be given to no program".to_string()),
        false => Ok(text.to_string()),
    }
}
