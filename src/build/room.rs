//! Room on the disk, and what a killed build left there.

use super::files::{failed, remove};
use crate::app::{Failure, format_size};
use std::path::Path;

const LEAST_FREE: u64 = 1 << 30;

/// Below 5 % or 1 GiB of free disk nothing is built: the running apps need the rest.
pub fn room_to_build(home: &Path) -> Result<(), Failure> {
    let Some(free) = short_of(home)? else { return Ok(()) };
    Err(nearly_full(home, free))
}

/// What may be written before nothing could be built any more.
pub fn room_for_source(home: &Path) -> Result<u64, Failure> {
    room_to_build(home)?;
    let (total, free) = space(home)?;
    Ok(free.saturating_sub(reserve(total)))
}

/// The bytes that are free, where they are too few to build.
pub fn short_of(home: &Path) -> Result<Option<u64>, Failure> {
    let (total, free) = space(home)?;
    Ok((!has_room(total, free)).then_some(free))
}

pub fn nearly_full(home: &Path, free: u64) -> Failure {
    let free = format_size(free >> 20 << 20);
    Failure::platform(format!("the disk of {} is nearly full: {free} free", home.display()))
        .why("a build needs 1 GiB and 5 % of it free; running apps are not touched")
        .next("remove what is not needed: `xii destroy` a deploy, or files beside xii")
}

/// All of the disk, and what is free of it.
fn space(home: &Path) -> Result<(u64, u64), Failure> {
    let found = rustix::fs::statvfs(home)
        .map_err(|error| failed("ask for the free space of", home)(error.into()))?;
    Ok((found.f_blocks * found.f_frsize, found.f_bavail * found.f_frsize))
}

fn has_room(total: u64, free: u64) -> bool {
    free >= reserve(total)
}

fn reserve(total: u64) -> u64 {
    LEAST_FREE.max(total / 20)
}

/// Removes what killed builds left. Only for the holder of the home's lock, before it builds.
pub fn sweep(tmp: &Path) -> Result<(), Failure> {
    if !tmp.exists() {
        return Ok(());
    }
    for entry in std::fs::read_dir(tmp).map_err(failed("list", tmp))? {
        let path = entry.map_err(failed("list", tmp))?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let kinds = ["build-", "layer-", "stack-", "toolchain-", "export-"];
        if kinds.iter().any(|kind| name.starts_with(kind)) {
            remove(&path)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_limits_hold() {
        let gib = 1 << 30;
        assert!(has_room(10 * gib, gib));
        assert!(!has_room(10 * gib, gib - 1));
        assert!(!has_room(100 * gib, 4 * gib));
        assert!(has_room(100 * gib, 5 * gib));
    }

    #[test]
    fn only_what_builds_left_is_swept() {
        let tmp = tempfile::tempdir().unwrap();
        for name in ["build-1", "stack-1", "toolchain-1", "upload-1"] {
            std::fs::create_dir_all(tmp.path().join(name).join("deep")).unwrap();
        }
        sweep(tmp.path()).unwrap();
        let left: Vec<_> =
            std::fs::read_dir(tmp.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(left, ["upload-1"]);
        sweep(&tmp.path().join("absent")).unwrap();
    }
}
