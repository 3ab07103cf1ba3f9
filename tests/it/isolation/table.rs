//! The table of docs/reliability/isolation.md: an attempt, and what came of it at each level.

use super::holds::{LEVELS, why_possible};
use super::report::Report;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::PathBuf;

const BEGIN: &str = "<!-- table: begin, made by `just isolation` -->";
const END: &str = "<!-- table: end -->";

pub fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/reliability/isolation.md")
}

/// Attempts of these reports that the committed table does not have.
pub fn lacks(reports: &[Report]) -> Vec<String> {
    let text = std::fs::read_to_string(path()).unwrap();
    let named = |what: &str| text.contains(&format!("| {what} |"));
    let all = reports.iter().flat_map(|report| &report.tried).map(|tried| tried.what.clone());
    all.filter(|what| !named(what)).collect()
}

/// Puts a new table in place of the one that is there.
pub fn write(levels: &BTreeMap<&str, Vec<Report>>) {
    let text = std::fs::read_to_string(path()).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    std::fs::write(path(), format!("{before}{BEGIN}\n{}{END}{after}", table(levels))).unwrap();
}

fn table(levels: &BTreeMap<&str, Vec<Report>>) -> String {
    let mut table = String::from("\n| attempt | `full` | `namespaces` | `user-namespace` |\n");
    table.push_str("|---|---|---|---|\n");
    let run = levels[LEVELS[0]].iter().find(|report| report.context == "run").unwrap();
    for tried in &run.tried {
        let cells = LEVELS.map(|level| cell(level, &tried.what, &levels[level]));
        let _ = writeln!(table, "| {} | {} |", tried.what, cells.join(" | "));
    }
    for level in LEVELS {
        let tried: Vec<_> = levels[level].iter().flat_map(|report| &report.tried).collect();
        let count = |verdict| tried.iter().filter(|tried| tried.verdict == verdict).count();
        let (refused, possible, none) = (count("refused"), count("possible"), count("n/a"));
        let all = tried.len();
        let _ = write!(table, "\n`{level}`: {all} attempts in four kinds of processes, {refused} ");
        let _ = writeln!(table, "refused, {possible} possible, {none} without an object.");
    }
    table.push('\n');
    table
}

/// What came of it, in one word where all kinds of processes agree.
fn cell(level: &str, what: &str, reports: &[Report]) -> String {
    let mut words: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for report in reports {
        let Some(tried) = report.find(what) else { continue };
        let word = match tried.verdict.as_str() {
            "possible" => {
                let why = why_possible(level, what).unwrap_or("**a hole**");
                format!("**possible**: {why}")
            }
            "refused" => format!("refused: {}", tried.word),
            other => format!("{other}: {}", tried.word),
        };
        words.entry(word).or_default().push(report.context);
    }
    let agree = words.len() == 1;
    let each = words.into_iter().map(|(word, contexts)| match agree {
        true => word,
        false => format!("{word} ({})", contexts.join(", ")),
    });
    each.collect::<Vec<_>>().join("; ")
}
