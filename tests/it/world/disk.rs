//! A world whose home is on a disk of its own, which can be filled.

use super::World;
use rustix::fs::{FallocateFlags, fallocate, statvfs};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A file system in a file; unmounted in any case.
pub struct Disk {
    at: PathBuf,
}

impl World {
    /// With a server that is up, and so much disk; `None` where nothing can be mounted.
    pub fn on_a_disk(mib: u64) -> Option<World> {
        let mut world = World::without_server();
        std::fs::create_dir(world.home()).unwrap();
        world.disk = Some(Disk::mount(&world.folder().join("image"), &world.home(), mib)?);
        world.up();
        Some(world)
    }

    pub fn disk(&self) -> &Disk {
        self.disk.as_ref().unwrap()
    }
}

impl Disk {
    fn mount(image: &Path, at: &Path, mib: u64) -> Option<Disk> {
        std::fs::File::create(image).unwrap().set_len(mib << 20).unwrap();
        let done = |command: &mut Command| command.output().is_ok_and(|out| out.status.success());
        let made = done(Command::new("/sbin/mkfs.ext4").args(["-q", "-F", "-m", "0"]).arg(image));
        let mounted = made && done(Command::new("mount").args(["-o", "loop"]).arg(image).arg(at));
        mounted.then(|| Disk { at: at.to_path_buf() })
    }

    /// To the last block, also where others give some back meanwhile.
    pub fn fill(&self) {
        let mut hog = std::fs::File::create(self.at.join("hog")).unwrap();
        let mut length = 0;
        for _ in 0..100 {
            let mut step = 1u64 << 32;
            while step >= 4096 {
                match fallocate(&hog, FallocateFlags::empty(), length, step) {
                    Ok(()) => length += step,
                    Err(_) => step /= 2,
                }
            }
            // The last block may be wanted for the list of the others.
            hog.seek(SeekFrom::End(0)).unwrap();
            while hog.write(&[0; 512]).is_ok_and(|written| written > 0) {}
            if statvfs(&self.at).unwrap().f_bavail == 0 {
                return;
            }
        }
        panic!("{} cannot be filled", self.at.display());
    }

    pub fn empty(&self) {
        std::fs::remove_file(self.at.join("hog")).unwrap();
    }

    pub fn is_at(&self, line: &str) -> bool {
        line.split(' ').nth(1) == self.at.to_str()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Lazily: a test that failed may have left a process there.
        let _ = Command::new("umount").arg("-l").arg(&self.at).status();
    }
}
