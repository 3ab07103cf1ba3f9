//! A build that fills the disk takes it from the running apps, so it is looked at while it runs.
//!
//! The free space is asked for at each look: it costs nothing and cannot be fooled. The folders
//! are measured as often as a twentieth of the time allows. Only sizes are read, nothing is
//! opened or followed: the build may change everything meanwhile.

use super::room;
use crate::app::{Failure, format_size};
use std::collections::HashSet;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

pub const EACH: Duration = Duration::from_millis(500);
/// Of the time may be spent on measuring: one part in so many.
const SHARE: u32 = 20;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Used {
    /// On the disk: a hole in a file is nothing, a file with two names is one.
    pub bytes: u64,
    pub files: u64,
}

#[derive(Debug)]
pub struct DiskWatch<'a> {
    home: &'a Path,
    /// What the build may write to.
    folders: Vec<PathBuf>,
    most: Used,
    next: Instant,
}

impl<'a> DiskWatch<'a> {
    pub fn new(home: &'a Path, folders: Vec<PathBuf>, most: Used) -> Self {
        DiskWatch { home, folders, most, next: Instant::now() }
    }

    /// Why the build has to end, if it has to.
    pub fn look(&mut self) -> Option<Failure> {
        if let Ok(Some(free)) = room::short_of(self.home) {
            return Some(room::nearly_full(self.home, free).why("the build was ended"));
        }
        let began = Instant::now();
        if began < self.next {
            return None;
        }
        let used = measure(&self.folders, self.most);
        let ended = Instant::now();
        self.next = ended + (ended - began) * SHARE;
        too_much(used, self.most)
    }
}

fn too_much(used: Used, most: Used) -> Option<Failure> {
    if used.bytes > most.bytes {
        let limit = format_size(most.bytes);
        let message = format!("the build was ended: it wrote more than {limit} to the disk");
        return Some(
            Failure::app(message)
                .why("counted are the app's folder, /tmp and the caches together")
                .next("write less, or allow more in xii.toml: `[build]`, then `disk = \"20G\"`"),
        );
    }
    (used.files > most.files).then(|| too_many_files(most.files))
}

pub fn too_many_files(most: u64) -> Failure {
    Failure::app(format!("the build has more than {most} files"))
        .why("each costs the server an entry of its file system, however small it is")
        .next("remove what the app does not need when it runs, or pack it")
}

/// Stops counting where there is too much anyway.
pub fn measure(folders: &[PathBuf], most: Used) -> Used {
    let mut used = Used::default();
    let mut seen = HashSet::new();
    let mut left = folders.to_vec();
    while let Some(folder) = left.pop() {
        // What has gone meanwhile is no use of the disk.
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            let Ok(found) = entry.metadata() else { continue };
            if found.is_dir() {
                left.push(entry.path());
            } else if found.nlink() > 1 && !seen.insert((found.dev(), found.ino())) {
                continue;
            }
            used.files += 1;
            used.bytes += found.blocks() * 512;
            if used.bytes > most.bytes || used.files > most.files {
                return used;
            }
        }
    }
    used
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANY: Used = Used { bytes: u64::MAX, files: u64::MAX };

    #[test]
    fn what_is_on_the_disk_is_counted_once_and_links_are_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("build");
        std::fs::create_dir_all(folder.join("deep")).unwrap();
        std::fs::write(dir.path().join("outside"), vec![1; 1 << 20]).unwrap();
        std::os::unix::fs::symlink(dir.path(), folder.join("link")).unwrap();
        std::fs::write(folder.join("deep/one"), vec![1; 100_000]).unwrap();
        std::fs::hard_link(folder.join("deep/one"), folder.join("deep/two")).unwrap();
        std::fs::File::create(folder.join("hole")).unwrap().set_len(1 << 40).unwrap();
        let used = measure(&[folder, dir.path().join("absent")], ANY);
        assert_eq!(used.files, 4, "deep, one, link and hole");
        assert!((100_000..200_000).contains(&used.bytes), "{used:?}");
    }

    #[test]
    fn both_limits_end_a_build_and_say_which_it_was() {
        let dir = tempfile::tempdir().unwrap();
        for name in 0..10 {
            std::fs::write(dir.path().join(name.to_string()), vec![1; 8192]).unwrap();
        }
        let looked = |most| {
            let mut watch = DiskWatch::new(Path::new("/"), vec![dir.path().to_path_buf()], most);
            watch.look().map(|failure| (failure.exit_code(), failure.to_string()))
        };
        assert_eq!(looked(ANY), None);
        let (code, text) = looked(Used { bytes: 16 << 10, files: 100 }).unwrap();
        assert!(code == 3 && text.contains("more than 16K to the disk"), "{text}");
        let (code, text) = looked(Used { bytes: 1 << 30, files: 5 }).unwrap();
        assert!(code == 3 && text.contains("more than 5 files"), "{text}");
    }
}
