//! Files that were changed behind xii's back: by a disk, a restore, a person. Whatever is wrong
//! is found before it does harm, named with what to do, and mended where that is possible.

mod builds;
mod droppable;
mod ledger;
mod run_folder;
mod start;

use std::path::Path;

/// What can happen to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Damage {
    Empty,
    /// Its first half is left.
    Cut,
    /// As long as it was, and not text either.
    Noise,
    /// One bit in the middle.
    Flip,
    Gone,
}

use Damage::{Cut, Empty, Flip, Gone, Noise};

pub const ALL: [Damage; 5] = [Empty, Cut, Noise, Flip, Gone];

impl Damage {
    pub fn to(self, path: &Path) {
        let mut bytes = std::fs::read(path).unwrap();
        match self {
            Empty => bytes.clear(),
            Cut => bytes.truncate(bytes.len() / 2),
            Noise => {
                let noise = (0..bytes.len()).map(|at| (at as u8).wrapping_mul(167) | 0x80);
                bytes = noise.collect();
            }
            Flip => {
                let middle = bytes.len() / 2;
                bytes[middle] ^= 4;
            }
            Gone => return std::fs::remove_file(path).unwrap(),
        }
        // Over what is there: the file keeps its mode.
        std::fs::write(path, bytes).unwrap();
    }
}

/// Puts a file back as it was when this is dropped.
pub struct Kept<'a> {
    path: &'a Path,
    bytes: Vec<u8>,
    mode: std::fs::Permissions,
}

impl Kept<'_> {
    pub fn of(path: &Path) -> Kept<'_> {
        let mode = std::fs::metadata(path).unwrap().permissions();
        Kept { path, bytes: std::fs::read(path).unwrap(), mode }
    }
}

impl Drop for Kept<'_> {
    fn drop(&mut self) {
        std::fs::write(self.path, &self.bytes).unwrap();
        std::fs::set_permissions(self.path, self.mode.clone()).unwrap();
    }
}
