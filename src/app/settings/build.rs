//! `[build]`: how a tree becomes a build when detection is not enough.

use super::relative_path;
use super::value::{self, Key, Value};
use crate::app::{ConfigKey, Diagnostic, parse_duration, parse_size};
use std::collections::BTreeMap;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BuildSettings {
    pub command: Option<String>,
    /// Constants of the build, never secrets: they stand in the repository.
    pub env: BTreeMap<String, String>,
    /// The folder that is the site, or the result, relative to the app.
    pub output: Option<String>,
    /// `None` leaves the platform's default, also below.
    pub timeout_ms: Option<u64>,
    pub memory_bytes: Option<u64>,
    /// Of the app's folder, `/tmp` and `/cache` together.
    pub disk_bytes: Option<u64>,
}

pub const KEYS: [&str; 6] = ["command", "env", "output", "timeout", "memory", "disk"];

const LEAST_TIMEOUT_MS: u64 = 1_000;
const MOST_TIMEOUT_MS: u64 = 24 * 3_600_000;
const LEAST_MEMORY: u64 = 16 << 20;
const LEAST_DISK: u64 = 1 << 20;
const MOST_BYTES: u64 = 1 << 50;

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
            "timeout" => {
                build.timeout_ms = value::parsed(value, "a duration like \"45m\"", timeout, found);
            }
            "memory" => {
                build.memory_bytes = value::parsed(value, "a size like \"6G\"", memory, found);
            }
            "disk" => {
                build.disk_bytes = value::parsed(value, "a size like \"20G\"", disk, found);
            }
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

fn timeout(text: &str) -> Result<u64, String> {
    match parse_duration(text)? {
        time if (LEAST_TIMEOUT_MS..=MOST_TIMEOUT_MS).contains(&time) => Ok(time),
        _ => Err("the time limit of the build is not between 1s and 24h".to_string()),
    }
}

fn memory(text: &str) -> Result<u64, String> {
    match parse_size(text)? {
        bytes if (LEAST_MEMORY..=MOST_BYTES).contains(&bytes) => Ok(bytes),
        _ => Err("the memory limit of the build is not between 16M and 1024T".to_string()),
    }
}

fn disk(text: &str) -> Result<u64, String> {
    match parse_size(text)? {
        bytes if (LEAST_DISK..=MOST_BYTES).contains(&bytes) => Ok(bytes),
        _ => Err("the disk limit of the build is not between 1M and 1024T".to_string()),
    }
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
