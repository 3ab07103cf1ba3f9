//! A writer's file in one slot: opened under the slot's shared lock, only ever holding
//! whole lines between two writes.

use super::{line::Line, part::PartName, slot::Slot};
use crate::app::Failure;
use jiff::Timestamp;
use rustix::fs::{FlockOperation, flock};
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// More than the longest line with its stamp, label and newline.
pub const TAIL: u64 = 32 * 1024;

pub struct Sink {
    pub slot: Slot,
    path: PathBuf,
    file: File,
    /// Held shared for as long as the sink lives. Who merges and removes a slot's parts takes
    /// it exclusively, so never while a writer has the slot open.
    _lock: File,
    pub bytes: u64,
    pub unsynced: bool,
}

/// Why a file could not be opened.
pub struct Refused {
    pub failure: Failure,
    /// The disk is full, which passes.
    pub full: bool,
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Refused { failure, full: false }
    }
}

impl Sink {
    /// The second value is the stamp of the last line that is in the file already.
    pub fn open(
        dir: &Path,
        slot: Slot,
        part: &PartName,
    ) -> Result<(Sink, Option<Timestamp>), Refused> {
        let folder = dir.join(slot.to_string());
        let lock = lock(&folder)?;
        let path = folder.join(part.to_string());
        let failed = |error| refused("open", &path, error);
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .open(&path)
            .map_err(failed)?;
        flock(&file, FlockOperation::NonBlockingLockExclusive).map_err(|error| {
            let message = format!("another writer has the log {}", path.display());
            Failure::internal(message).because(std::io::Error::from(error))
        })?;
        let (bytes, last) = repair(&file).map_err(failed)?;
        Ok((Sink { slot, path, file, _lock: lock, bytes, unsynced: false }, last))
    }

    /// Appends whole lines. When not all of them fit, none is left torn, and the second value
    /// is how many bytes of `lines` are in the file.
    pub fn append(&mut self, lines: &[u8]) -> Result<(), (Failure, usize)> {
        let mut written = 0;
        while written < lines.len() {
            match self.file.write(&lines[written..]) {
                Ok(0) => {
                    return Err(self.torn(lines, written, std::io::ErrorKind::WriteZero.into()));
                }
                Ok(more) => written += more,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.torn(lines, written, error)),
            }
        }
        self.bytes += lines.len() as u64;
        self.unsynced |= !lines.is_empty();
        Ok(())
    }

    fn torn(&mut self, lines: &[u8], written: usize, error: std::io::Error) -> (Failure, usize) {
        let whole = lines[..written].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        self.bytes += whole as u64;
        self.unsynced |= whole > 0;
        // Making a file shorter needs no space. If even that fails, a reader skips the torn line
        // and the next open cuts it off.
        let _ = self.file.set_len(self.bytes);
        (cannot("write", &self.path, error), whole)
    }

    pub fn sync(&mut self) -> Result<(), Failure> {
        self.unsynced = false;
        self.file.sync_data().map_err(|error| cannot("sync", &self.path, error))
    }

    /// False when somebody removed the file below us.
    pub fn is_there(&self) -> bool {
        self.file.metadata().is_ok_and(|metadata| metadata.nlink() > 0)
    }
}

/// Makes the slot's folder and locks it. Between the two it may be sealed and removed, so the
/// folder that is locked must still be the one at the path.
fn lock(folder: &Path) -> Result<File, Refused> {
    for _ in 0..10 {
        let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(|error| refused("create", folder, error))?;
        let lock = File::open(folder).map_err(|error| cannot("open", folder, error))?;
        flock(&lock, FlockOperation::NonBlockingLockShared)
            .map_err(|error| cannot("lock", folder, error.into()))?;
        let locked = lock.metadata().map_err(|error| cannot("read", folder, error))?;
        if std::fs::metadata(folder).is_ok_and(|at_path| at_path.ino() == locked.ino()) {
            return Ok(lock);
        }
    }
    Err(Failure::platform(format!("{} is removed each time it is made", folder.display())).into())
}

/// Cuts off what a killed writer left of a line.
fn repair(file: &File) -> std::io::Result<(u64, Option<Timestamp>)> {
    let length = file.metadata()?.len();
    let from = length.saturating_sub(TAIL);
    let mut tail = vec![0; (length - from) as usize];
    file.read_exact_at(&mut tail, from)?;
    let whole = tail.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    if whole < tail.len() {
        file.set_len(from + whole as u64)?;
    }
    let last = tail[..whole].split(|byte| *byte == b'\n').rev().find_map(Line::parse);
    Ok((from + whole as u64, last.map(|line| line.at)))
}

fn refused(what: &str, path: &Path, error: std::io::Error) -> Refused {
    use std::io::ErrorKind::{QuotaExceeded, StorageFull};
    let full = matches!(error.kind(), StorageFull | QuotaExceeded);
    Refused { failure: cannot(what, path, error), full }
}

fn cannot(what: &str, path: &Path, error: std::io::Error) -> Failure {
    Failure::platform(format!("cannot {what} the log {}", path.display())).because(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    fn open(dir: &TempDir) -> (Sink, Option<Timestamp>) {
        try_open(dir).unwrap()
    }

    fn try_open(dir: &TempDir) -> Result<(Sink, Option<Timestamp>), Failure> {
        let part = PartName { source: "web.1".into(), release: None, keeper: 1, incarnation: 0 };
        let slot = Slot::of("2026-11-20T15:00:00Z".parse().unwrap());
        Sink::open(dir.path(), slot, &part).map_err(|refused| refused.failure)
    }

    const LINE: &[u8] = b"2026-11-20T15:13:46.677020+00:00 app[web.1]: text\n";

    #[test]
    fn what_a_killed_writer_left_of_a_line_is_cut_off() {
        let dir = TempDir::new().unwrap();
        let (mut sink, last) = open(&dir);
        assert_eq!(last, None);
        sink.append(&[LINE, b"2026-11-20T15:13:4"].concat()).unwrap();
        let path = sink.path.clone();
        drop(sink);

        let (sink, last) = open(&dir);
        assert_eq!(sink.bytes, LINE.len() as u64);
        assert_eq!(std::fs::read(&path).unwrap(), LINE);
        assert_eq!(last, Line::parse(&LINE[..LINE.len() - 1]).map(|line| line.at));
    }

    #[test]
    fn a_write_that_stops_in_a_line_leaves_whole_lines_only() {
        let dir = TempDir::new().unwrap();
        let (mut sink, _) = open(&dir);
        let lines = [LINE, LINE].concat();
        let written = LINE.len() + 7;
        sink.file.write_all(&lines[..written]).unwrap();
        let (_, kept) = sink.torn(&lines, written, std::io::ErrorKind::StorageFull.into());
        assert_eq!(kept, LINE.len());
        sink.append(LINE).unwrap();
        assert_eq!(std::fs::read(&sink.path).unwrap(), lines);
    }

    #[test]
    fn a_slot_is_not_sealed_while_a_writer_has_it_open() {
        let dir = TempDir::new().unwrap();
        let (sink, _) = open(&dir);
        let folder = File::open(dir.path().join("2026-11-20T15")).unwrap();
        let seal = || flock(&folder, FlockOperation::NonBlockingLockExclusive);
        assert!(seal().is_err());
        drop(sink);
        assert!(seal().is_ok());
    }

    #[test]
    fn a_second_writer_of_the_same_file_is_refused() {
        let dir = TempDir::new().unwrap();
        let (_sink, _) = open(&dir);
        assert!(try_open(&dir).is_err_and(|failure| failure.message.contains("another writer")));
    }
}
