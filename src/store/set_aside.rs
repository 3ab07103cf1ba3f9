//! Room on the disk for the ledger alone. A full disk is when things have to be stopped, scaled
//! down and destroyed, and a crashed server started again: all of it is written down first.

use rustix::fs::{FallocateFlags, fallocate};
use std::fs::OpenOptions;
use std::path::Path;

/// The log is written over from its start when it reaches half of that, which is some hundred
/// changes.
const LOG_BYTES: u64 = 8 << 20;

/// Sets the log's room aside; true when there is nothing to try again. It stays with the log's
/// file, for good: SQLite writes over that file and does not make it shorter.
pub(super) fn room(ledger: &Path) -> bool {
    let mut log = ledger.as_os_str().to_owned();
    log.push("-wal");
    let Ok(log) = OpenOptions::new().write(true).open(log) else { return false };
    match fallocate(&log, FallocateFlags::KEEP_SIZE, 0, LOG_BYTES) {
        Ok(()) => true,
        // Where it cannot be done, a full disk refuses changes.
        Err(error) => error == rustix::io::Errno::OPNOTSUPP,
    }
}
