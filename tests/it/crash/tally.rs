//! What became of the faults, as the table that is committed.

use super::fault::Line;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

/// What a fault led to.
#[derive(Debug, Clone)]
pub struct Outcome {
    pub acknowledged: bool,
    /// The change is there; else everything is as before it.
    pub done: bool,
    /// From the kill to the next answer of server and app.
    pub recovered: Option<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Broken {
    Lost,
    Orphan,
    Other,
}

#[derive(Debug, Default)]
struct Row {
    outcomes: Vec<Outcome>,
    lost: usize,
    orphans: usize,
    other: usize,
}

#[derive(Debug, Default)]
pub struct Tally {
    rows: BTreeMap<Line, Row>,
    pub failures: Vec<String>,
}

impl Tally {
    pub fn add(&mut self, line: Line, outcome: Outcome) {
        self.rows.entry(line).or_default().outcomes.push(outcome);
    }

    pub fn fail(&mut self, line: Line, step: u64, how: Broken, why: &str) {
        let row = self.rows.entry(line).or_default();
        match how {
            Broken::Lost => row.lost += 1,
            Broken::Orphan => row.orphans += 1,
            Broken::Other => row.other += 1,
        }
        self.failures.push(format!("XII_TEST_CRASH={line}:{step}: {why}"));
    }

    pub fn faults(&self) -> usize {
        self.rows.values().map(Row::faults).sum()
    }

    /// In Markdown.
    pub fn table(&self) -> String {
        let mut text = String::from(
            "| change | fault | faults | acknowledged | state before | state after | lost | \
             orphans | otherwise wrong | recovery ms, median |\n\
             |---|---|--:|--:|--:|--:|--:|--:|--:|--:|\n",
        );
        let mut all = Row::default();
        for (line, row) in &self.rows {
            let (change, fault) = (line.change.name(), line.fault.name());
            let _ = writeln!(text, "| {change} | {fault} |{row}");
            all.outcomes.extend(row.outcomes.iter().cloned());
            all.lost += row.lost;
            all.orphans += row.orphans;
            all.other += row.other;
        }
        let _ = writeln!(text, "| **all** | |{all}");
        text
    }
}

impl Row {
    fn faults(&self) -> usize {
        self.outcomes.len() + self.lost + self.orphans + self.other
    }
}

impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let count = |wanted: fn(&&Outcome) -> bool| self.outcomes.iter().filter(wanted).count();
        let mut times: Vec<_> = self.outcomes.iter().filter_map(|o| o.recovered).collect();
        times.sort();
        let median = times.get(times.len() / 2).map(|time| time.as_millis().to_string());
        write!(
            f,
            " {} | {} | {} | {} | {} | {} | {} | {} |",
            self.faults(),
            count(|outcome| outcome.acknowledged),
            count(|outcome| !outcome.done),
            count(|outcome| outcome.done),
            self.lost,
            self.orphans,
            self.other,
            median.as_deref().unwrap_or("–"),
        )
    }
}
