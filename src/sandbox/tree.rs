//! A new root under construction: an unattached file system whose paths are always
//! resolved inside it, so that a symlink in an app's own tree cannot lead a mount outside.

use super::step::{Result, at};
use super::sys;
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MoveMountFlags, OpenTreeFlags, UnmountFlags,
};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

pub const RDONLY: u64 = 1;
pub const NOSUID: u64 = 2;
pub const NODEV: u64 = 4;

/// A mount that is attached nowhere yet.
pub fn clone_of(source: &Path, attributes: u64) -> Result<OwnedFd> {
    let step = || format!("open {}", source.display());
    let flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_RECURSIVE;
    let mount = at(rustix::mount::open_tree(CWD, source, flags), step)?;
    at(sys::mount_setattr(mount.as_fd(), true, attributes), || {
        format!("set mount attributes of {}", source.display())
    })?;
    Ok(mount)
}

/// A new file system, attached nowhere yet.
pub fn fresh(kind: &str, options: &[(&str, &str)], attributes: u64) -> Result<OwnedFd> {
    let step = || format!("make a {kind}");
    let context = at(rustix::mount::fsopen(kind, FsOpenFlags::FSOPEN_CLOEXEC), step)?;
    for (key, value) in options {
        at(rustix::mount::fsconfig_set_string(&context, *key, *value), || {
            format!("set {key}={value} on a {kind}")
        })?;
    }
    at(rustix::mount::fsconfig_create(&context), step)?;
    let attributes = MountAttrFlags::from_bits_retain(attributes as u32);
    at(rustix::mount::fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attributes), step)
}

pub struct Tree {
    root: OwnedFd,
}

impl Tree {
    /// Covers an existing folder with an empty root. Sources must have been opened before.
    pub fn cover(folder: &Path) -> Result<Tree> {
        let root = fresh("tmpfs", &[("size", "4m"), ("mode", "755")], NOSUID | NODEV)?;
        let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
        at(rustix::mount::move_mount(&root, "", CWD, folder, flags), || {
            format!("attach the new root at {}", folder.display())
        })?;
        Ok(Tree { root })
    }

    fn open(&self, path: &Path, flags: OFlags) -> std::result::Result<OwnedFd, Errno> {
        let resolve = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
        rustix::fs::openat2(&self.root, path, flags | OFlags::CLOEXEC, Mode::empty(), resolve)
    }

    /// The folder, made with its parents where missing.
    pub fn folder(&self, path: &Path) -> Result<OwnedFd> {
        let whole = Path::new("/").join(path);
        if let Ok(found) = self.open(&whole, OFlags::PATH | OFlags::DIRECTORY) {
            return Ok(found);
        }
        let mut prefix = std::path::PathBuf::new();
        let mut current = at(self.open(Path::new("/"), OFlags::PATH), || "open the new root")?;
        for part in whole.components() {
            prefix.push(part);
            let step = || format!("make folder {} inside", whole.display());
            current = match self.open(&prefix, OFlags::PATH | OFlags::DIRECTORY) {
                Err(Errno::NOENT) => {
                    at(rustix::fs::mkdirat(&current, Path::new(&part), mode(0o755)), step)?;
                    at(self.open(&prefix, OFlags::PATH | OFlags::DIRECTORY), step)?
                }
                other => at(other, step)?,
            };
        }
        Ok(current)
    }

    /// Attaches a mount at a path inside; its mount point is made where missing.
    pub fn attach(&self, mount: &OwnedFd, path: &Path) -> Result<()> {
        let step = || format!("mount at {} inside", path.display());
        let stat = at(rustix::fs::fstat(mount), step)?;
        let point = match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => self.folder(path)?,
            _ => self.file(path, b"", 0o644)?,
        };
        let flags =
            MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
        at(rustix::mount::move_mount(mount, "", &point, "", flags), step)
    }

    /// Writes a small file, or opens it when it is there and nothing is to be written.
    pub fn file(&self, path: &Path, content: &[u8], bits: u32) -> Result<OwnedFd> {
        let step = || format!("write {} inside", path.display());
        if content.is_empty()
            && let Ok(found) = self.open(path, OFlags::PATH)
        {
            return Ok(found);
        }
        let folder = self.folder(path.parent().unwrap_or(Path::new("/")))?;
        let name = path.file_name().unwrap_or_default();
        let flags = OFlags::CREATE | OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = at(rustix::fs::openat(&folder, name, flags, mode(bits)), step)?;
        let mut rest = content;
        while !rest.is_empty() {
            let count = at(rustix::io::write(&file, rest), step)?;
            rest = &rest[count..];
        }
        Ok(file)
    }

    pub fn symlink(&self, target: &Path, path: &Path) -> Result<()> {
        let step = || format!("link {} inside", path.display());
        let folder = self.folder(path.parent().unwrap_or(Path::new("/")))?;
        let name = path.file_name().unwrap_or_default();
        at(rustix::fs::symlinkat(target, &folder, name), step)
    }

    /// A character device that everybody may use.
    pub fn device(&self, path: &Path, major: u32, minor: u32) -> Result<()> {
        let step = || format!("make device {} inside", path.display());
        let folder = self.folder(path.parent().unwrap_or(Path::new("/")))?;
        let name = path.file_name().unwrap_or_default();
        let number = rustix::fs::makedev(major, minor);
        let kind = FileType::CharacterDevice;
        at(rustix::fs::mknodat(&folder, name, kind, mode(0o666), number), step)?;
        at(rustix::fs::chmodat(&folder, name, mode(0o666), AtFlags::empty()), step)
    }

    /// Makes the file system mounted at a path inside read-only, not those below it.
    pub fn seal(&self, path: &Path) -> Result<()> {
        let mount = at(self.open(path, OFlags::PATH), || format!("open {}", path.display()))?;
        at(sys::mount_setattr(mount.as_fd(), false, RDONLY), || {
            format!("make {} read-only", path.display())
        })
    }

    /// Makes this tree the root and lets go of the old one.
    pub fn become_root(self) -> Result<()> {
        at(rustix::process::fchdir(self.root.as_fd() as BorrowedFd<'_>), || "enter the new root")?;
        at(rustix::process::pivot_root(".", "."), || "pivot_root")?;
        at(rustix::mount::unmount(".", UnmountFlags::DETACH), || "detach the old root")?;
        at(rustix::process::chdir("/"), || "enter /")
    }
}

fn mode(bits: u32) -> Mode {
    Mode::from_raw_mode(bits)
}
