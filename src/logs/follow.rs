//! The merge of growing files into one stream in time order, a batch at a time.
//!
//! Blocking and without a clock: [`super::Tail`] decides when to look again.

use super::cursor::{Cursor, GROWING};
use super::listing::{self, PartPath, cannot_read};
use super::slot::Slot;
use super::{Filter, Line};
use crate::app::Failure;
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

/// Several times the longest line.
const BLOCK: usize = 64 * 1024;

pub struct Follow {
    dir: PathBuf,
    filter: Filter,
    since: Option<Timestamp>,
    from: Option<Slot>,
    parts: BTreeMap<PartPath, Reader>,
    listed: BTreeSet<Slot>,
}

pub struct Batch {
    pub lines: Vec<Line>,
    pub from: Option<Slot>,
    pub positions: Vec<(PartPath, u64)>,
}

/// One part.
#[derive(Default)]
struct Reader {
    /// Read up to here.
    offset: u64,
    /// Read and not given yet, each with where it starts.
    pending: VecDeque<(u64, Line)>,
    /// There may be more behind `offset`.
    unread: bool,
}

impl Follow {
    pub fn new(dir: PathBuf, filter: Filter, since: Option<Timestamp>, cursor: Cursor) -> Follow {
        let at = |offset| Reader { offset, ..Reader::default() };
        let parts = cursor.parts.into_iter().map(|(part, offset)| (part, at(offset))).collect();
        Follow { dir, filter, since, from: cursor.from, parts, listed: BTreeSet::new() }
    }

    /// The slots that may still grow.
    pub fn slots(&self) -> Result<Vec<Slot>, Failure> {
        let mut slots = listing::slots(&self.dir)?;
        slots.retain(|slot| self.from.is_none_or(|from| from <= *slot));
        Ok(slots)
    }

    /// Looks for new files and for files that have grown.
    pub fn list(&mut self) -> Result<(), Failure> {
        let slots = self.slots()?;
        self.forget_finished(&slots);
        for slot in slots.into_iter().filter(|slot| self.from.is_none_or(|from| from <= *slot)) {
            for part in listing::parts(&self.dir, slot)? {
                let length = std::fs::metadata(part.below(&self.dir)).map_or(0, |file| file.len());
                let reader = self.parts.entry(part).or_default();
                reader.unread |= length > reader.offset;
            }
            self.listed.insert(slot);
        }
        Ok(())
    }

    /// Takes note that these files have changed; false when one of them is new.
    pub fn changed(&mut self, paths: &BTreeSet<PathBuf>) -> bool {
        let mut all_known = true;
        for path in paths {
            let known = self.part_at(path).and_then(|part| self.parts.get_mut(&part));
            match known {
                Some(reader) => reader.unread = true,
                None => all_known = false,
            }
        }
        all_known
    }

    /// The next lines in time order; `None` when everything there is has been given.
    pub fn next_batch(&mut self) -> Result<Option<Batch>, Failure> {
        let busy = |(part, reader): (&PartPath, &Reader)| {
            (reader.unread || !reader.pending.is_empty()).then_some(part.slot)
        };
        while let Some(slot) = self.parts.iter().find_map(busy) {
            let mut readers: Vec<(&PartPath, &mut Reader)> =
                self.parts.iter_mut().filter(|(part, _)| part.slot == slot).collect();
            for (part, reader) in &mut readers {
                while reader.unread && reader.pending.is_empty() {
                    let takes = |line: &Line| {
                        self.since.is_none_or(|since| since <= line.at)
                            && self.filter.takes(line, &part.part.source)
                    };
                    reader.read(&part.below(&self.dir), takes)?;
                }
            }
            let (lines, positions) = merge(&mut readers);
            if !lines.is_empty() {
                return Ok(Some(Batch { lines, from: self.from, positions }));
            }
        }
        Ok(None)
    }

    /// Old slots leave in order, so that a slot that left is never listed again.
    fn forget_finished(&mut self, slots: &[Slot]) {
        let growing = slots.len().saturating_sub(GROWING);
        for (slot, next) in slots.iter().zip(&slots[1.min(slots.len())..]).take(growing) {
            let before = |part: &PartPath| part.slot < *next;
            let is_done = |reader: &Reader| !reader.unread && reader.pending.is_empty();
            let mut old = self.parts.iter().filter(|(part, _)| before(part));
            if !self.listed.contains(slot) || !old.all(|(_, reader)| is_done(reader)) {
                return;
            }
            self.parts.retain(|part, _| !before(part));
            self.listed.remove(slot);
            self.from = Some(*next);
        }
    }

    fn part_at(&self, path: &Path) -> Option<PartPath> {
        let below = path.strip_prefix(&self.dir).ok()?.to_str()?;
        PartPath::try_from(below.to_string()).ok()
    }
}

impl Reader {
    fn read(&mut self, path: &Path, takes: impl Fn(&Line) -> bool) -> Result<(), Failure> {
        let mut block = vec![0; BLOCK];
        let filled = match File::open(path).and_then(|file| fill(&file, &mut block, self.offset)) {
            Ok(filled) => filled,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => 0,
            Err(error) => return Err(cannot_read(path, error)),
        };
        self.unread = filled == BLOCK;
        let newline = block[..filled].iter().rposition(|byte| *byte == b'\n');
        // A block without an end of line is not the work of a writer: passed over.
        let whole = newline.map_or(if self.unread { BLOCK } else { 0 }, |at| at + 1);
        let mut start = self.offset;
        for text in block[..whole].split_inclusive(|byte| *byte == b'\n') {
            let line = text.strip_suffix(b"\n").and_then(Line::parse);
            self.pending.extend(line.filter(&takes).map(|line| (start, line)));
            start += text.len() as u64;
        }
        self.offset = start;
        Ok(())
    }

    fn position(&self) -> u64 {
        self.pending.front().map_or(self.offset, |(start, _)| *start)
    }
}

/// Takes what no unread line can precede, in order of time, then of parts.
fn merge(readers: &mut [(&PartPath, &mut Reader)]) -> (Vec<Line>, Vec<(PartPath, u64)>) {
    let unread = readers.iter().filter(|(_, reader)| reader.unread);
    let safe =
        unread.filter_map(|(_, reader)| reader.pending.back().map(|(_, line)| line.at)).min();
    let mut lines = Vec::new();
    let mut positions = Vec::new();
    for (part, reader) in readers {
        let had = lines.len();
        let is_safe = |line: &Line| safe.is_none_or(|safe| line.at <= safe);
        while reader.pending.front().is_some_and(|(_, line)| is_safe(line)) {
            lines.extend(reader.pending.pop_front().map(|(_, line)| line));
        }
        if lines.len() > had {
            positions.push(((*part).clone(), reader.position()));
        }
    }
    lines.sort_by_key(|line| line.at);
    (lines, positions)
}

fn fill(file: &File, block: &mut [u8], from: u64) -> std::io::Result<usize> {
    let mut filled = 0;
    while filled < block.len() {
        match file.read_at(&mut block[filled..], from + filled as u64) {
            Ok(0) => break,
            Ok(more) => filled += more,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}
