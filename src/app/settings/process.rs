//! `[process.TYPE]`: limits and manners of one process type.

use super::value::{self, Key, Value};
use crate::app::{Diagnostic, ProcessType, did_you_mean, parse_duration, parse_size};
use std::collections::{BTreeMap, BTreeSet};
use toml::de::DeValue;

/// `None` leaves the platform's default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProcessSettings {
    pub memory_bytes: Option<u64>,
    /// 1000 is one core.
    pub cpu_millicores: Option<u32>,
    pub pids: Option<u32>,
    /// From SIGTERM to the kill.
    pub stop_window_ms: Option<u64>,
    /// Never two at once: at a switch the old one stops first.
    pub singleton: bool,
}

pub const KEYS: [&str; 5] = ["memory", "cpu", "pids", "stop_window", "singleton"];

/// Below this not even a shell starts.
const LEAST_MEMORY: u64 = 4 << 20;
const MOST_MEMORY: u64 = 1 << 50;
const LEAST_PIDS: i64 = 4;
const MOST_PIDS: i64 = 1_000_000;
const MOST_STOP_WINDOW_MS: u64 = 3_600_000;

pub fn parse(
    value: &Value<'_>,
    declared: Option<&BTreeSet<ProcessType>>,
    found: &mut Vec<Diagnostic>,
) -> BTreeMap<ProcessType, ProcessSettings> {
    let mut types = BTreeMap::new();
    for (key, value) in value::table(value, "tables like [process.web]", found) {
        let process_type = process_type(key, declared, found);
        let settings = one(value, key.get_ref(), found);
        if let Some(process_type) = process_type {
            types.insert(process_type, settings);
        }
    }
    types
}

fn process_type(
    key: &Key<'_>,
    declared: Option<&BTreeSet<ProcessType>>,
    found: &mut Vec<Diagnostic>,
) -> Option<ProcessType> {
    let process_type: ProcessType = match key.get_ref().parse() {
        Ok(process_type) => process_type,
        Err(error) => {
            found.push(Diagnostic::new(key.span(), format!("{error}"), ""));
            return None;
        }
    };
    let Some(declared) = declared.filter(|declared| !declared.contains(&process_type)) else {
        return Some(process_type);
    };
    let message = format!("the Procfile has no process type `{process_type}`");
    let names: Vec<&str> = declared.iter().map(ProcessType::as_str).collect();
    let label = format!("expected one of {}", names.join(", "));
    let near = did_you_mean(process_type.as_str(), names.iter().copied());
    found.push(Diagnostic::new(key.span(), message, label).suggest(near));
    None
}

fn one(value: &Value<'_>, name: &str, found: &mut Vec<Diagnostic>) -> ProcessSettings {
    let mut settings = ProcessSettings::default();
    for (key, value) in value::table(value, "a table of limits", found) {
        match key.get_ref().as_ref() {
            "memory" => {
                settings.memory_bytes = value::parsed(value, "a size like \"512M\"", memory, found)
            }
            "cpu" => settings.cpu_millicores = cpu(value, found),
            "pids" => settings.pids = pids(value, found),
            "stop_window" => {
                settings.stop_window_ms =
                    value::parsed(value, "a duration like \"30s\"", stop_window, found);
            }
            "singleton" => settings.singleton = singleton(key, value, name, found),
            _ => found.push(value::unknown_key(key, &format!("[process.{name}]"), &KEYS)),
        }
    }
    settings
}

fn memory(text: &str) -> Result<u64, String> {
    match parse_size(text)? {
        bytes if (LEAST_MEMORY..=MOST_MEMORY).contains(&bytes) => Ok(bytes),
        _ => Err("the memory limit is not between 4M and 1024T".to_string()),
    }
}

fn stop_window(text: &str) -> Result<u64, String> {
    match parse_duration(text)? {
        window if window <= MOST_STOP_WINDOW_MS => Ok(window),
        _ => Err("the stop window is longer than 1h".to_string()),
    }
}

/// Cores: 0.01 to 1024.
fn cpu(value: &Value<'_>, found: &mut Vec<Diagnostic>) -> Option<u32> {
    let expected = "a number of cores like 0.5";
    let cores: f64 = match value.get_ref() {
        DeValue::Float(number) => number.as_str().parse().ok(),
        DeValue::Integer(number) if number.radix() == 10 => number.as_str().parse().ok(),
        _ => {
            found.push(value::wrong_type(value, expected));
            return None;
        }
    }
    .unwrap_or(f64::NAN);
    if (0.01..=1024.0).contains(&cores) {
        return Some((cores * 1000.0).round() as u32);
    }
    let message = "the cpu limit is not between 0.01 and 1024 cores";
    found.push(Diagnostic::new(value.span(), message, format!("expected {expected}")));
    None
}

fn pids(value: &Value<'_>, found: &mut Vec<Diagnostic>) -> Option<u32> {
    let expected = "a number of processes like 100";
    let DeValue::Integer(number) = value.get_ref() else {
        found.push(value::wrong_type(value, expected));
        return None;
    };
    match i64::from_str_radix(number.as_str(), number.radix()) {
        Ok(pids) if (LEAST_PIDS..=MOST_PIDS).contains(&pids) => u32::try_from(pids).ok(),
        _ => {
            let message =
                format!("the limit of processes is not between {LEAST_PIDS} and {MOST_PIDS}");
            found.push(Diagnostic::new(value.span(), message, format!("expected {expected}")));
            None
        }
    }
}

fn singleton(key: &Key<'_>, value: &Value<'_>, name: &str, found: &mut Vec<Diagnostic>) -> bool {
    let singleton = value::boolean(value, found).unwrap_or(false);
    let why = match name {
        "web" => "`web` is routed: stopping the old one first would take the app down",
        "release" => "the release phase never runs twice at once anyway",
        _ => return singleton,
    };
    if singleton {
        let message = format!("`singleton` has no place in [process.{name}]");
        found.push(Diagnostic::new(key.span(), message, "remove this line").help(why));
    }
    singleton
}
