//! What visitors saw, and the figures made of it.

use super::timeline::Timeline;
use super::visitor::Kind;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::{Duration, Instant};

/// An answer.
pub struct Seen {
    pub began: Instant,
    pub ended: Instant,
    pub release: u64,
}

#[derive(Default)]
pub struct Tally {
    pub seen: Vec<Seen>,
    pub failed: Vec<String>,
    /// Kept connections that an answer asked to close.
    pub told_to_close: u64,
    /// Names of the `POST`s that were answered.
    pub done: BTreeSet<String>,
    pub messages: u64,
    /// WebSockets, and how many of them got a closing frame.
    pub sockets: u64,
    pub told_to_go: u64,
}

pub struct Report {
    rows: Vec<Row>,
    pub requests: u64,
    pub told_to_close: u64,
    pub told_to_go: u64,
    sockets: u64,
    messages: u64,
    /// Of two answers to fresh connections of one visitor.
    gap: Duration,
    /// For each switch of releases, how long both answered.
    overlaps: Vec<Duration>,
}

struct Row {
    kind: Kind,
    answers: u64,
    failed: usize,
    median: Duration,
    longest: Duration,
}

impl Report {
    pub fn of(tallies: &BTreeMap<Kind, Vec<Tally>>, timeline: &Timeline) -> Report {
        let all = || tallies.values().flatten();
        let rows: Vec<Row> = tallies.iter().map(|(kind, of_kind)| row(*kind, of_kind)).collect();
        let messages = all().map(|tally| tally.messages).sum();
        Report {
            requests: rows.iter().map(|row| row.answers).sum::<u64>() - messages,
            rows,
            told_to_close: all().map(|tally| tally.told_to_close).sum(),
            told_to_go: all().map(|tally| tally.told_to_go).sum(),
            sockets: all().map(|tally| tally.sockets).sum(),
            messages,
            gap: tallies.get(&Kind::Fresh).map(|fresh| longest_gap(fresh)).unwrap_or_default(),
            overlaps: timeline.overlaps(all().flat_map(|tally| &tally.seen)),
        }
    }
}

fn row(kind: Kind, tallies: &[Tally]) -> Row {
    let seen = tallies.iter().flat_map(|tally| &tally.seen);
    let mut times: Vec<Duration> = seen.map(|seen| seen.ended - seen.began).collect();
    times.sort_unstable();
    let messages: u64 = tallies.iter().map(|tally| tally.messages).sum();
    Row {
        kind,
        answers: times.len() as u64 + messages,
        failed: tallies.iter().map(|tally| tally.failed.len()).sum(),
        median: times.get(times.len() / 2).copied().unwrap_or_default(),
        longest: times.last().copied().unwrap_or_default(),
    }
}

/// The longest time in which nobody with a fresh connection was answered.
fn longest_gap(tallies: &[Tally]) -> Duration {
    let mut ends: Vec<Instant> =
        tallies.iter().flat_map(|tally| &tally.seen).map(|seen| seen.ended).collect();
    ends.sort_unstable();
    ends.windows(2).map(|two| two[1] - two[0]).max().unwrap_or_default()
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| kind | answered | failed | median | longest |")?;
        writeln!(f, "|---|---:|---:|---:|---:|")?;
        for Row { kind, answers, failed, median, longest } in &self.rows {
            let (median, longest) = (ms(*median), ms(*longest));
            writeln!(f, "| {} | {answers} | {failed} | {median} | {longest} |", kind.name())?;
        }
        let failed: usize = self.rows.iter().map(|row| row.failed).sum();
        writeln!(f, "| **requests** | **{}** | **{failed}** | | |", self.requests)?;
        writeln!(f)?;
        writeln!(
            f,
            "{} kept connections were told to close by an answer; {} WebSockets carried {} messages, \
             {} of them got a closing frame.",
            self.told_to_close, self.sockets, self.messages, self.told_to_go
        )?;
        let switches = self.overlaps.len();
        let mut overlaps = self.overlaps.clone();
        overlaps.sort_unstable();
        let (median, most) = (overlaps.get(switches / 2), overlaps.last());
        write!(
            f,
            "Longest time without an answer to a fresh connection: {}. {switches} switches of \
             releases; both answered for {} in the middle, for {} at most.",
            ms(self.gap),
            ms(median.copied().unwrap_or_default()),
            ms(most.copied().unwrap_or_default())
        )
    }
}

fn ms(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}
