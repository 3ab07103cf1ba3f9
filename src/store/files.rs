//! Files and folders, made whole or not at all; every error names its path.

use crate::app::Failure;
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// The whole file, or nothing of it, even when the power fails.
pub(super) fn write_file(dir: &Path, name: &str, text: &str, mode: u32) -> Result<(), Failure> {
    let temporary = dir.join(format!(".{name}-{:08x}", random(dir)?));
    let target = dir.join(name);
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&temporary)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&temporary, &target))
        .and_then(|()| File::open(dir)?.sync_all());
    written.map_err(|error| {
        // The error that counts is the first one; a leftover starts with a dot and is harmless.
        let _ = fs::remove_file(&temporary);
        io("cannot write", &target, error)
    })
}

pub(super) fn read_optional(path: &Path) -> Result<Option<String>, Failure> {
    match fs::read(path) {
        // What is no text is no value either, and whoever asked knows what to say of that.
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io("cannot read", path, error)),
    }
}

/// Makes a folder and those above it; `mode` is for the last one, whatever the umask.
pub(super) fn make_dir(path: &Path, mode: u32) -> Result<(), Failure> {
    if path.is_dir() {
        return Ok(());
    }
    DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(path)
        .and_then(|()| fs::set_permissions(path, Permissions::from_mode(mode)))
        .map_err(|error| io("cannot make the folder", path, error))
}

pub(super) fn io(what: &str, path: &Path, error: std::io::Error) -> Failure {
    Failure::platform(format!("{what} {}", path.display())).because(error)
}

/// For names that nobody else has.
pub(super) fn random(dir: &Path) -> Result<u32, Failure> {
    getrandom::u32().map_err(|error| {
        Failure::platform(format!("cannot write to {}: no randomness", dir.display()))
            .because(error)
    })
}
