//! How many instances of each process type, and the arguments that change it.

use super::{Failure, ProcessType, did_you_mean};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The most instances of one process type.
pub const MOST_INSTANCES: u32 = 1000;

/// Process type → number of instances. The release phase is never in it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Formation(pub BTreeMap<ProcessType, u32>);

/// One argument of `xii scale`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormationChange {
    pub process_type: ProcessType,
    pub change: Change,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Change {
    To(u32),
    By(i32),
}

impl Formation {
    /// How many of a type are wanted; 0 for a type never scaled.
    pub fn count(&self, process_type: &ProcessType) -> u32 {
        self.0.get(process_type).copied().unwrap_or(0)
    }

    /// The formation after the changes, or everything that is wrong with them. `known` are
    /// the types of the release.
    pub fn apply(
        &self,
        changes: &[FormationChange],
        known: &BTreeSet<ProcessType>,
    ) -> Result<Formation, Failure> {
        let mut formation = self.clone();
        let mut problems = Vec::new();
        for change in changes {
            match self.changed(change, known) {
                Ok(count) => _ = formation.0.insert(change.process_type.clone(), count),
                Err(problem) => problems.push(problem),
            }
        }
        all_or_failure(problems, formation)
    }

    fn changed(
        &self,
        change: &FormationChange,
        known: &BTreeSet<ProcessType>,
    ) -> Result<u32, String> {
        let process_type = &change.process_type;
        if *process_type == ProcessType::release() {
            return Err("`release` is the release phase; it cannot be scaled".to_string());
        }
        if !known.contains(process_type) {
            return Err(unknown(process_type, known));
        }
        let had = self.count(process_type);
        let wanted = match change.change {
            Change::To(count) => i64::from(count),
            Change::By(step) => i64::from(had) + i64::from(step),
        };
        match u32::try_from(wanted) {
            Ok(count) if count <= MOST_INSTANCES => Ok(count),
            _ => Err(format!(
                "`{process_type}` has {had}, so this makes {wanted}; allowed are 0 to {MOST_INSTANCES}"
            )),
        }
    }
}

impl std::fmt::Display for Formation {
    /// `web=3 worker=2`
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts: Vec<String> = self.0.iter().map(|(name, n)| format!("{name}={n}")).collect();
        f.write_str(&parts.join(" "))
    }
}

impl std::fmt::Display for FormationChange {
    /// `web=3`, `web+1`, `web-1`
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.change {
            Change::To(count) => write!(f, "{}={count}", self.process_type),
            Change::By(step) => write!(f, "{}{step:+}", self.process_type),
        }
    }
}

/// Reads `web=3`, `web+1`, `web=+1`, `web-1`; all that is wrong is said at once.
pub fn parse_changes<T: AsRef<str>>(args: &[T]) -> Result<Vec<FormationChange>, Failure> {
    let mut changes: Vec<FormationChange> = Vec::new();
    let mut problems = Vec::new();
    for arg in args {
        match parse_change(arg.as_ref()) {
            Ok(change) if changes.iter().any(|c| c.process_type == change.process_type) => {
                problems.push(format!("`{}` is given twice", change.process_type));
            }
            Ok(change) => changes.push(change),
            Err(problem) => problems.push(problem),
        }
    }
    all_or_failure(problems, changes)
}

fn parse_change(arg: &str) -> Result<FormationChange, String> {
    let shown: String = arg.chars().take(40).collect();
    let expected = format!("`{shown}` is not a scale: expected `web=3`, `web+1` or `web-1`");
    // A process type may contain `-`, so a step is looked for at the end.
    let split = match arg.split_once('=') {
        Some(split) => split,
        None => {
            let digits = arg.trim_end_matches(|c: char| c.is_ascii_digit()).len();
            if digits == 0 || !arg[..digits].ends_with(['+', '-']) {
                return Err(expected);
            }
            arg.split_at(digits - 1)
        }
    };
    let (name, number) = split;
    let process_type: ProcessType = name.parse().map_err(|error| format!("`{shown}`: {error}"))?;
    let is_step = number.starts_with(['+', '-']);
    let digits = number.strip_prefix(['+', '-']).unwrap_or(number);
    if digits.contains(':') {
        return Err(format!(
            "`{shown}`: there are no sizes; memory and cpu stand in xii.toml, [process.{process_type}]"
        ));
    }
    if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(expected);
    }
    if arg.contains("=-") {
        return Err(format!(
            "`{shown}`: fewer than none; `{process_type}-{digits}` takes {digits} away"
        ));
    }
    let count = digits.parse::<u32>().ok().filter(|count| *count <= MOST_INSTANCES);
    let Some(count) = count else {
        return Err(format!("`{shown}`: allowed are 0 to {MOST_INSTANCES}"));
    };
    let step = i32::try_from(count).unwrap_or(0);
    let change = match (is_step, number.starts_with('-')) {
        (false, _) => Change::To(count),
        (true, false) => Change::By(step),
        (true, true) => Change::By(-step),
    };
    Ok(FormationChange { process_type, change })
}

fn unknown(process_type: &ProcessType, known: &BTreeSet<ProcessType>) -> String {
    let names: Vec<&str> = known
        .iter()
        .filter(|name| **name != ProcessType::release())
        .map(ProcessType::as_str)
        .collect();
    let message =
        format!("there is no process type `{process_type}`; the release has {}", names.join(", "));
    match did_you_mean(process_type.as_str(), names.iter().copied()) {
        Some(near) => format!("{message}: did you mean `{near}`?"),
        None => message,
    }
}

fn all_or_failure<T>(problems: Vec<String>, value: T) -> Result<T, Failure> {
    match problems.is_empty() {
        true => Ok(value),
        false => Err(Failure::usage(problems.join("\n"))),
    }
}
