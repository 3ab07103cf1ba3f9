//! `formation`: how many of each process type a new deploy begins with.

use super::reader::Reader;
use crate::app::{Diagnostic, MOST_INSTANCES, ProcessType, did_you_mean};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// `size` means nothing here: xii.toml has the limits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormationEntry {
    pub quantity: Option<u32>,
}

#[cfg(test)]
pub const KEYS: [&str; 1] = ["quantity"];

pub fn read<'v>(
    reader: &mut Reader<'_>,
    value: &'v Value,
    path: &[&'v str],
    declared: Option<&BTreeSet<ProcessType>>,
) -> BTreeMap<ProcessType, FormationEntry> {
    let mut formation = BTreeMap::new();
    for (name, path, value) in reader.object(value, path, "an object of process types") {
        let entry = entry(reader, value, &path);
        if let Some(process_type) = process_type(reader, name, &path, declared) {
            formation.insert(process_type, entry);
        }
    }
    formation
}

fn entry<'v>(reader: &mut Reader<'_>, value: &'v Value, path: &[&'v str]) -> FormationEntry {
    let mut entry = FormationEntry { quantity: None };
    for (key, path, value) in reader.object(value, path, "an object like { \"quantity\": 1 }") {
        if key != "quantity" {
            continue;
        }
        let quantity = value.as_u64().and_then(|quantity| u32::try_from(quantity).ok());
        entry.quantity = quantity.filter(|quantity| *quantity <= MOST_INSTANCES);
        if entry.quantity.is_none() {
            let label = format!("expected a number from 0 to {MOST_INSTANCES}");
            reader.refuse(&path, "this is no number of instances", label);
        }
    }
    entry
}

fn process_type(
    reader: &mut Reader<'_>,
    name: &str,
    path: &[&str],
    declared: Option<&BTreeSet<ProcessType>>,
) -> Option<ProcessType> {
    let process_type: ProcessType = match name.parse() {
        Ok(process_type) => process_type,
        Err(error) => {
            reader.refuse(path, format!("{error}"), "the formation of this type");
            return None;
        }
    };
    if process_type == ProcessType::release() {
        let message = "`release` is the release phase; it has no instances";
        reader.refuse(path, message, "remove this entry");
        return None;
    }
    let Some(declared) = declared.filter(|declared| !declared.contains(&process_type)) else {
        return Some(process_type);
    };
    let names: Vec<&str> = declared.iter().map(ProcessType::as_str).collect();
    let near = did_you_mean(name, names.iter().copied());
    let message = format!("the Procfile has no process type `{process_type}`");
    let label = format!("it has {}", names.join(", "));
    reader.report(path, |span| Diagnostic::new(span, message, label).suggest(near));
    None
}
