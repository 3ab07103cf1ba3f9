//! The last lines of a deploy, merged from all its files.

use super::backward::Backward;
use super::cursor::Cursor;
use super::listing;
use super::{Filter, Line};
use crate::app::Failure;
use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::path::Path;

/// Oldest first, at most `most`. Slots do not overlap, so the newest is emptied first.
pub fn last(dir: &Path, most: usize, filter: &Filter) -> Result<Vec<Line>, Failure> {
    last_before(dir, most, filter, None)
}

/// As [`last`], without what was written after `cursor` was taken.
pub fn last_before(
    dir: &Path,
    most: usize,
    filter: &Filter,
    cursor: Option<&Cursor>,
) -> Result<Vec<Line>, Failure> {
    let mut newest_first = Vec::new();
    for slot in listing::slots(dir)?.into_iter().rev() {
        if newest_first.len() >= most {
            break;
        }
        let mut parts = Vec::new();
        for part in listing::parts(dir, slot)? {
            parts.push(Backward::open(
                dir,
                &part,
                cursor.and_then(|cursor| cursor.end_of(&part)),
                filter,
            )?);
        }
        merge(&mut parts, most, &mut newest_first)?;
    }
    newest_first.reverse();
    Ok(newest_first)
}

fn merge(parts: &mut [Backward], most: usize, into: &mut Vec<Line>) -> Result<(), Failure> {
    let mut heap = BinaryHeap::new();
    for (part, lines) in parts.iter_mut().enumerate() {
        heap.extend(lines.next()?.map(|line| Newest { line, part }));
    }
    while into.len() < most {
        let Some(Newest { line, part }) = heap.pop() else { break };
        into.push(line);
        heap.extend(parts[part].next()?.map(|line| Newest { line, part }));
    }
    Ok(())
}

/// A part's newest line, ordered by time, then by part: the order of the merged stream.
struct Newest {
    line: Line,
    part: usize,
}

impl Ord for Newest {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.line.at, self.part).cmp(&(other.line.at, other.part))
    }
}

impl PartialOrd for Newest {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Newest {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Newest {}
