//! The file system an app sees: a system read-only, a prepared `/etc`, its own `/proc`, `/dev`
//! and `/tmp`, and the mounts it was given. Nothing else of the host.

use super::etc;
use super::spec::{Level, Mount, Sandbox};
use super::step::{Result, StepError, at};
use super::system::{READ_ONLY, System};
use super::tree::{NODEV, NOSUID, Tree, clone_of, fresh};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

const PRIVATE_TMP_BYTES: u64 = 256 << 20;
const SHM_BYTES: u64 = 64 << 20;
/// All sandboxes share the kernel's 4096.
const MOST_TERMINALS: &str = "256";
const NOEXEC: u64 = 8;

const DEVICES: [(&str, u32, u32); 6] = [
    ("null", 1, 3),
    ("zero", 1, 5),
    ("full", 1, 7),
    ("random", 1, 8),
    ("urandom", 1, 9),
    ("tty", 5, 0),
];

const LINKS: [(&str, &str); 5] = [
    ("/dev/fd", "/proc/self/fd"),
    ("/dev/stdin", "/proc/self/fd/0"),
    ("/dev/stdout", "/proc/self/fd/1"),
    ("/dev/stderr", "/proc/self/fd/2"),
    ("/dev/ptmx", "pts/ptmx"),
];

/// Everything that has to be looked up in the old root, before it is covered.
struct Sources {
    system: System,
    devices: Vec<(PathBuf, OwnedFd)>,
    mounts: Vec<(PathBuf, OwnedFd)>,
}

/// Builds the root and enters it. Must run in a mount namespace of its own.
pub fn build_and_enter(sandbox: &Sandbox, home: &str) -> Result<()> {
    let sources = open_sources(sandbox)?;
    let tree = Tree::cover(covered_folder()?)?;
    for (path, mount) in &sources.system.binds {
        tree.attach(mount, path)?;
    }
    for (path, target) in &sources.system.links {
        tree.symlink(target, path)?;
    }
    etc::write(&tree, sandbox, home)?;
    devices(&tree, sandbox, &sources.devices)?;
    let options = [("hidepid", "invisible")];
    tree.attach(&fresh("proc", &options, NOSUID | NODEV | NOEXEC)?, Path::new("/proc"))?;
    if !sandbox.mounts.iter().any(|mount| target(mount) == Path::new("/tmp")) {
        tree.attach(&scratch(PRIVATE_TMP_BYTES, "1777")?, Path::new("/tmp"))?;
    }
    for (path, mount) in &sources.mounts {
        tree.attach(mount, path)?;
    }
    let cwd = tree.folder(&sandbox.cwd);
    cwd.map_err(|error| StepError::new("working folder", error.to_string()))?;
    tree.seal(Path::new("/"))?;
    tree.become_root()
}

fn open_sources(sandbox: &Sandbox) -> Result<Sources> {
    let system = System::open(&sandbox.root)?;
    let mut devices = Vec::new();
    if sandbox.level == Level::UserNamespace {
        for (name, ..) in DEVICES {
            let path = Path::new("/dev").join(name);
            devices.push((path.clone(), clone_of(&path, NOSUID)?));
        }
    }
    let mounts = sandbox.mounts.iter().map(|mount| open_mount(mount, sandbox));
    Ok(Sources { system, devices, mounts: mounts.collect::<Result<_>>()? })
}

fn open_mount(mount: &Mount, sandbox: &Sandbox) -> Result<(PathBuf, OwnedFd)> {
    let opened = match mount {
        Mount::ReadOnly { source, .. } => clone_of(source, READ_ONLY)?,
        Mount::ReadWrite { source, .. } => clone_of(source, NOSUID | NODEV)?,
        Mount::Scratch { target, bytes } if target == Path::new("/tmp") => scratch(*bytes, "1777")?,
        Mount::Scratch { bytes, .. } => {
            let user = &sandbox.user;
            owned_scratch(*bytes, "755", user.uid, user.gid)?
        }
    };
    Ok((target(mount).to_path_buf(), opened))
}

fn target(mount: &Mount) -> &Path {
    match mount {
        Mount::ReadOnly { target, .. }
        | Mount::ReadWrite { target, .. }
        | Mount::Scratch { target, .. } => target,
    }
}

fn scratch(bytes: u64, mode: &str) -> Result<OwnedFd> {
    owned_scratch(bytes, mode, 0, 0).or_else(|_| memory(bytes, mode, &[]))
}

fn owned_scratch(bytes: u64, mode: &str, uid: u32, gid: u32) -> Result<OwnedFd> {
    let (uid, gid) = (uid.to_string(), gid.to_string());
    memory(bytes, mode, &[("uid", &uid), ("gid", &gid)])
}

/// Bounded in bytes and in files: an inode costs memory too.
fn memory(bytes: u64, mode: &str, more: &[(&str, &str)]) -> Result<OwnedFd> {
    let (size, inodes) = (bytes.to_string(), (bytes / 4096).max(4096).to_string());
    let mut options = vec![("size", size.as_str()), ("nr_inodes", &inodes), ("mode", mode)];
    options.extend_from_slice(more);
    fresh("tmpfs", &options, NOSUID | NODEV)
}

fn devices(tree: &Tree, sandbox: &Sandbox, bound: &[(PathBuf, OwnedFd)]) -> Result<()> {
    let dev = Path::new("/dev");
    tree.attach(&fresh("tmpfs", &[("size", "64k"), ("mode", "755")], NOSUID)?, dev)?;
    for (path, mount) in bound {
        tree.attach(mount, path)?;
    }
    if sandbox.level == Level::Full {
        for (name, major, minor) in DEVICES {
            tree.device(&dev.join(name), major, minor)?;
        }
    }
    for (path, target) in LINKS {
        tree.symlink(Path::new(target), Path::new(path))?;
    }
    tree.attach(&scratch(SHM_BYTES, "1777")?, &dev.join("shm"))?;
    tree.folder(&dev.join("pts"))?;
    // Terminals are a convenience: a kernel that refuses a private devpts costs only them.
    let options = [("ptmxmode", "0666"), ("mode", "0620"), ("max", MOST_TERMINALS)];
    if let Ok(terminals) = fresh("devpts", &options, NOSUID | NOEXEC) {
        tree.attach(&terminals, &dev.join("pts"))?;
    }
    tree.seal(dev)
}

/// Any folder can carry the new root for the moment before it becomes `/`.
fn covered_folder() -> Result<&'static Path> {
    let found = ["/tmp", "/mnt", "/run", "/usr"].into_iter().map(Path::new).find(|p| p.is_dir());
    at(found.ok_or(rustix::io::Errno::NOENT), || "find a folder to cover")
}
