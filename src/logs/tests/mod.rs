//! The room as its users see it: real files, real threads, real kills.

mod killed;
mod last;
mod speed;
mod tail;

use super::*;
use jiff::{SignedDuration, Timestamp};
use std::path::Path;

const START: &str = "2026-11-20T12:00:00Z";

fn after(milliseconds: i64) -> Timestamp {
    START.parse::<Timestamp>().unwrap() + SignedDuration::from_millis(milliseconds)
}

fn spec(dir: &Path, source: &str, keeper: u64, incarnation: u32) -> WriterSpec {
    WriterSpec {
        dir: dir.to_path_buf(),
        label: format!("app[{source}]"),
        source: source.to_string(),
        release: Some(1),
        keeper,
        incarnation,
    }
}

fn writer(dir: &Path, source: &str, keeper: u64) -> Writer {
    Writer::open_at(spec(dir, source, keeper, 0), after(0)).unwrap()
}

fn texts(lines: &[Line]) -> Vec<String> {
    lines.iter().map(|line| String::from_utf8_lossy(&line.text).into_owned()).collect()
}
