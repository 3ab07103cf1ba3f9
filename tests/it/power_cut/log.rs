//! The log of a disk's writes, in the format of Linux' dm-log-writes: a super block, then for
//! each write one sector that says what it is, and its data.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

const SECTOR: u64 = 512;
const MAGIC: u64 = 0x006a_7366_7773_6872;
const FLUSH: u64 = 1;
const FUA: u64 = 2;
const DISCARD: u64 = 4;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// On the disk, in bytes.
    pub at: u64,
    pub length: u64,
    flags: u64,
    /// Where its data lies in the log.
    data: u64,
    /// Where the next entry begins in the log.
    pub end: u64,
}

impl Entry {
    /// All that was written before it is on the disk once it is done.
    pub fn flushes(&self) -> bool {
        self.flags & (FLUSH | FUA) != 0
    }

    pub fn writes(&self) -> bool {
        self.length > 0 && self.flags & DISCARD == 0
    }
}

pub struct Log {
    file: File,
    pub entries: Vec<Entry>,
}

impl Log {
    pub fn read(path: &Path) -> Log {
        let file = File::open(path).unwrap();
        let length = file.metadata().unwrap().len();
        assert_eq!(number(&file, 0), MAGIC, "{}", path.display());
        let mut entries = Vec::new();
        let mut at = SECTOR;
        while at + SECTOR <= length {
            let [sector, sectors, flags] = [0, 8, 16].map(|field| number(&file, at + field));
            let data = at + SECTOR;
            let stored = if flags & DISCARD == 0 { sectors * SECTOR } else { 0 };
            at = data + stored;
            entries.push(Entry {
                at: sector * SECTOR,
                length: sectors * SECTOR,
                flags,
                data,
                end: at,
            });
        }
        assert_eq!(at, length, "the log ends within an entry");
        Log { file, entries }
    }

    pub fn data(&self, entry: &Entry) -> Vec<u8> {
        let mut data = vec![0; entry.length as usize];
        self.file.read_exact_at(&mut data, entry.data).unwrap();
        data
    }

    /// How many entries a log of this length held: what was acknowledged then must be in every
    /// prefix of so many.
    pub fn entries_at(&self, length: u64) -> usize {
        self.entries.partition_point(|entry| entry.end <= length)
    }
}

fn number(file: &File, at: u64) -> u64 {
    let mut bytes = [0; 8];
    file.read_exact_at(&mut bytes, at).unwrap();
    u64::from_le_bytes(bytes)
}
