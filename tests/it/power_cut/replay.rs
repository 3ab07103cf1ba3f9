//! The disk as a power cut would have left it: everything up to a flush, and of what came
//! after it all, nothing, or some.

use super::disk::copy_sparse;
use super::log::Log;
use crate::chaos::Random;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

/// What became of the writes that no flush covered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unflushed {
    /// The disk had done them all.
    Done,
    /// None of them.
    Lost,
    /// Any of them, whole or some of their sectors.
    Some,
}

/// A moment of the power cut.
#[derive(Debug, Clone, Copy)]
pub struct Cut {
    /// So many entries are on the disk for certain; the last one is a flush.
    pub flushed: usize,
    /// So many had been given to the disk.
    pub given: usize,
    pub unflushed: Unflushed,
}

/// Each flush with nothing lost, right before the next one with everything since lost, `between`
/// moments in each gap, and of these gaps the writes shuffled out `subsets` times.
pub fn cuts(log: &Log, random: &mut Random, between: u64, subsets: u64) -> Vec<Cut> {
    let flushes = (0..log.entries.len()).filter(|index| log.entries[*index].flushes());
    let mut ends: Vec<usize> = flushes.map(|index| index + 1).collect();
    ends.insert(0, 0);
    ends.push(log.entries.len());
    ends.dedup();
    let mut cuts = Vec::new();
    for pair in ends.windows(2) {
        let (flushed, next) = (pair[0], pair[1]);
        // The flush itself is not done yet in the last moment before it.
        let last = next - 1;
        cuts.push(Cut { flushed, given: last, unflushed: Unflushed::Lost });
        let gap = last.saturating_sub(flushed) as u64;
        for _ in 0..between.min(gap) {
            let given = flushed + 1 + random.below(gap) as usize;
            cuts.push(Cut { flushed, given, unflushed: Unflushed::Done });
        }
        for _ in 0..subsets * u64::from(gap > 0) {
            let given = flushed + 1 + random.below(gap) as usize;
            cuts.push(Cut { flushed, given, unflushed: Unflushed::Some });
        }
    }
    cuts
}

/// One image that is brought forward flush by flush, and copied for each cut.
pub struct Replay<'a> {
    log: &'a Log,
    image: PathBuf,
    done: usize,
}

impl<'a> Replay<'a> {
    pub fn new(log: &'a Log, base: &Path) -> Replay<'a> {
        Replay { log, image: base.to_path_buf(), done: 0 }
    }

    /// The disk after this cut, in a file of its own. Cuts have to come in order.
    pub fn make(&mut self, cut: &Cut, random: &mut Random, to: &Path) {
        assert!(self.done <= cut.flushed, "cuts in order");
        let image = OpenOptions::new().write(true).open(&self.image).unwrap();
        (self.done..cut.flushed).for_each(|index| self.write(&image, index, |_| true));
        self.done = cut.flushed;
        copy_sparse(&self.image, to);
        let copy = OpenOptions::new().write(true).open(to).unwrap();
        for index in cut.flushed..cut.given {
            match cut.unflushed {
                Unflushed::Done => self.write(&copy, index, |_| true),
                Unflushed::Lost => {}
                Unflushed::Some => match random.below(3) {
                    0 => {}
                    // No file system survives half of its first block.
                    1 if self.log.entries[index].at > 0 => {
                        self.write(&copy, index, |_| random.below(2) == 0)
                    }
                    _ => self.write(&copy, index, |_| true),
                },
            }
        }
    }

    /// The sectors of a write that are wanted.
    fn write(&self, to: &File, index: usize, mut wanted: impl FnMut(usize) -> bool) {
        let entry = &self.log.entries[index];
        if !entry.writes() {
            return;
        }
        let data = self.log.data(entry);
        let mut run = 0;
        // Neighbours go in one write.
        for (number, _) in data.chunks(512).enumerate() {
            if !wanted(number) {
                put(to, entry.at, &data, run..number * 512);
                run = (number + 1) * 512;
            }
        }
        put(to, entry.at, &data, run..data.len());
    }
}

fn put(to: &File, at: u64, data: &[u8], range: std::ops::Range<usize>) {
    if !range.is_empty() {
        to.write_all_at(&data[range.clone()], at + range.start as u64).unwrap();
    }
}
