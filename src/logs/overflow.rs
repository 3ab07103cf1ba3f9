//! What is owed to the reader when lines could not be kept: how many, since when, and why.

use super::due::after;
use super::stamp;
use crate::app::Failure;
use jiff::{SignedDuration, Timestamp};

/// Between two reports, so that a disk that frees a few bytes at a time is not filled by them.
const REPORT_EVERY: SignedDuration = SignedDuration::from_secs(1);

pub const LABEL: &str = "xii[logs]";

/// Why a line is dropped although the disk would take it.
pub fn full(source: &str, most_bytes: u64) -> Failure {
    let mib = most_bytes >> 20;
    Failure::platform(format!("the log of {source} may take {mib} MiB in an hour"))
}

#[derive(Debug)]
pub struct Overflow {
    lines: u64,
    since: Timestamp,
    why: String,
    /// When to try to tell.
    pub report_at: Timestamp,
}

impl Overflow {
    pub fn new(since: Timestamp, why: String, now: Timestamp) -> Overflow {
        let report_at = after(now, REPORT_EVERY);
        Overflow { lines: 0, since, why, report_at }
    }

    pub fn add(&mut self, lines: u64) {
        self.lines += lines;
    }

    /// The report did not get through either.
    pub fn retry(&mut self, now: Timestamp) {
        self.report_at = after(now, REPORT_EVERY);
    }

    pub fn text(&self) -> String {
        if self.lines == 0 {
            return self.why.clone();
        }
        let messages = if self.lines == 1 { "message" } else { "messages" };
        format!(
            "Error L10 (output buffer overflow): {} {messages} dropped since {}: {}",
            self.lines,
            stamp::print(self.since),
            self.why
        )
    }
}
