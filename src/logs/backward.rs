//! One part read from its end, so that the last hundred lines of a gigabyte cost a few blocks.

use super::listing::{PartPath, cannot_read};
use super::{Filter, Line};
use crate::app::Failure;
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

/// Mostly enough for the lines somebody looks at.
const FIRST_BLOCK: u64 = 16 * 1024;
const BLOCK: u64 = 256 * 1024;

pub struct Backward<'a> {
    path: PathBuf,
    written_by: String,
    filter: &'a Filter,
    /// Everything before this is still to be read.
    left: u64,
    block: u64,
    /// What the last block began with: the end of a line whose start is further up.
    start: Vec<u8>,
    /// Oldest first, so the next one is the last.
    lines: Vec<Line>,
}

impl<'a> Backward<'a> {
    /// Begins before `end`, or at the end of the file. What follows its last newline is not a line.
    pub fn open(
        dir: &Path,
        part: &PartPath,
        end: Option<u64>,
        filter: &'a Filter,
    ) -> Result<Self, Failure> {
        let path = part.below(dir);
        let left = match end {
            Some(end) => end,
            None => whole_length(&path)?,
        };
        let written_by = part.part.source.clone();
        let (start, lines) = (Vec::new(), Vec::new());
        Ok(Backward { path, written_by, filter, left, block: FIRST_BLOCK, start, lines })
    }

    /// The newest line not given yet.
    pub fn next(&mut self) -> Result<Option<Line>, Failure> {
        while self.lines.is_empty() && self.left > 0 {
            self.read_block()?;
        }
        Ok(self.lines.pop())
    }

    fn read_block(&mut self) -> Result<(), Failure> {
        let from = self.left.saturating_sub(self.block);
        let Some(mut block) = read(&self.path, from, self.left)? else {
            self.left = 0;
            return Ok(());
        };
        (self.left, self.block) = (from, BLOCK);
        block.append(&mut self.start);
        let whole = match from {
            0 => &block[..],
            _ => {
                let first = block.iter().position(|byte| *byte == b'\n');
                let (start, whole) = block.split_at(first.map_or(block.len(), |at| at + 1));
                self.start = start.to_vec();
                whole
            }
        };
        let lines = whole.split(|byte| *byte == b'\n').filter_map(Line::parse);
        self.lines = lines.filter(|line| self.filter.takes(line, &self.written_by)).collect();
        Ok(())
    }
}

/// The length up to the last newline; 0 for a file that is gone.
pub fn whole_length(path: &Path) -> Result<u64, Failure> {
    let mut left = match std::fs::metadata(path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => 0,
        Err(error) => return Err(cannot_read(path, error)),
    };
    while left > 0 {
        let from = left.saturating_sub(FIRST_BLOCK);
        let Some(block) = read(path, from, left)? else { return Ok(0) };
        match block.iter().rposition(|byte| *byte == b'\n') {
            Some(at) => return Ok(from + at as u64 + 1),
            None => left = from,
        }
    }
    Ok(0)
}

/// `None` when the file is gone or shorter than that.
fn read(path: &Path, from: u64, to: u64) -> Result<Option<Vec<u8>>, Failure> {
    let mut block = vec![0; (to - from) as usize];
    match File::open(path).and_then(|file| file.read_exact_at(&mut block, from)) {
        Ok(()) => Ok(Some(block)),
        Err(error) if is_gone(&error) => Ok(None),
        Err(error) => Err(cannot_read(path, error)),
    }
}

fn is_gone(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{NotFound, UnexpectedEof};
    matches!(error.kind(), NotFound | UnexpectedEof)
}
