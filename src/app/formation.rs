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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn known() -> BTreeSet<ProcessType> {
        ["web", "worker", "release"].map(|name| name.parse().unwrap()).into()
    }

    fn scaled(args: &[&str]) -> Result<String, String> {
        let had = Formation(BTreeMap::from([(ProcessType::web(), 2)]));
        let changes = parse_changes(args).map_err(|failure| failure.message)?;
        let formation = had.apply(&changes, &known()).map_err(|failure| failure.message)?;
        Ok(formation.to_string())
    }

    #[test]
    fn counts_and_steps_are_read() {
        let table: [(&[&str], &str); 7] = [
            (&["web=3"], "web=3"),
            (&["web=3", "worker=2"], "web=3 worker=2"),
            (&["web+1"], "web=3"),
            (&["web=+1"], "web=3"),
            (&["web-1", "worker+4"], "web=1 worker=4"),
            (&["web=0"], "web=0"),
            (&["web=1000"], "web=1000"),
        ];
        for (args, expected) in table {
            assert_eq!(scaled(args).as_deref(), Ok(expected), "{args:?}");
        }
    }

    #[test]
    fn bad_scales_say_what_is_wrong() {
        let table: [(&[&str], &str); 12] = [
            (&["web=-1"], "`web=-1`: fewer than none; `web-1` takes 1 away"),
            (
                &["=9999999"],
                "`=9999999`: process type is empty; allowed are 1 to 30 of A-Z, a-z, 0-9, _ and -, starting with a letter or digit",
            ),
            (&["web=9999999"], "`web=9999999`: allowed are 0 to 1000"),
            (&["web=99999999999999999999"], "`web=99999999999999999999`: allowed are 0 to 1000"),
            (&["ghost=1"], "there is no process type `ghost`; the release has web, worker"),
            (
                &["wroker=1"],
                "there is no process type `wroker`; the release has web, worker: did you mean `worker`?",
            ),
            (&["release=1"], "`release` is the release phase; it cannot be scaled"),
            (&["web"], "`web` is not a scale: expected `web=3`, `web+1` or `web-1`"),
            (&["web=x"], "`web=x` is not a scale: expected `web=3`, `web+1` or `web-1`"),
            (
                &["web=1:standard-1x"],
                "`web=1:standard-1x`: there are no sizes; memory and cpu stand in xii.toml, [process.web]",
            ),
            (&["web=1", "web+1"], "`web` is given twice"),
            (&["web-3"], "`web` has 2, so this makes -1; allowed are 0 to 1000"),
        ];
        for (args, expected) in table {
            assert_eq!(scaled(args).unwrap_err(), expected, "{args:?}");
        }
        assert_eq!(scaled(&["web=x", "ghost"]).unwrap_err().lines().count(), 2);
        assert!(scaled(&[&"w".repeat(1_000_000)]).unwrap_err().len() < 200);
    }

    #[test]
    fn a_type_whose_name_ends_in_a_number_is_not_a_step() {
        let changes = parse_changes(&["web-2=3", "a-1-1"]).unwrap();
        assert_eq!(changes[0].to_string(), "web-2=3");
        assert_eq!(changes[1].to_string(), "a-1-1");
        assert_eq!(changes[1].process_type.as_str(), "a-1");
    }

    proptest! {
        #[test]
        fn printing_then_parsing_is_identity(
            name in "[A-Za-z0-9][A-Za-z0-9_-]{0,28}[A-Za-z]",
            change in prop_oneof![
                (0u32..=1000).prop_map(Change::To),
                (-1000i32..=1000).prop_map(Change::By),
            ],
        ) {
            let change = FormationChange { process_type: name.parse().unwrap(), change };
            prop_assert_eq!(parse_changes(&[change.to_string()]).unwrap(), [change]);
        }

        #[test]
        fn no_argument_makes_it_panic(arg in "(?s)([+=:-]|web|é|[0-9]|.){0,12}") {
            _ = parse_changes(&[arg]);
        }
    }
}
