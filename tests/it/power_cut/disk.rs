//! A disk whose every write and flush is written down, by qemu's `blklogwrites` below a real
//! ext4: file system → loop device → FUSE → qemu → image and log.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

pub const DAEMON: &str = "/usr/bin/qemu-storage-daemon";
/// Deploys are refused below 1 GiB of free space. Only what is written takes room.
const SIZE: u64 = 1500 << 20;

/// What this machine lacks for such a disk.
pub fn missing() -> Option<&'static str> {
    let needs = [DAEMON, "/dev/fuse", "/dev/loop-control", "/usr/sbin/mkfs.ext4"];
    match needs.into_iter().find(|path| !Path::new(path).exists()) {
        None if !rustix::process::geteuid().is_root() => Some("root"),
        missing => missing,
    }
}

/// For the calling thread and what it starts.
pub fn mounts_of_its_own() {
    use rustix::mount::{MountPropagationFlags, mount_change};
    use rustix::thread::{UnshareFlags, unshare_unsafe};
    // SAFETY: no file descriptors are unshared, so nothing that others hold is closed.
    unsafe { unshare_unsafe(UnshareFlags::NEWNS | UnshareFlags::FS) }.unwrap();
    mount_change("/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC).unwrap();
}

/// A mounted image; let go of when dropped.
pub struct Mounted(PathBuf);

impl Mounted {
    pub fn new(image: &Path, at: &Path) -> Result<Mounted, String> {
        let mut mount = Command::new("mount");
        mount.args(["-t", "ext4", "-o", "loop"]).arg(image).arg(at);
        let output = mount.output().unwrap();
        match output.status.success() {
            true => Ok(Mounted(at.to_path_buf())),
            false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
        }
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(5);
        // The kernel lets go of an instance's view of it a moment after the instance.
        while rustix::mount::unmount(&self.0, rustix::mount::UnmountFlags::empty()).is_err() {
            if Instant::now() > deadline {
                let _ = rustix::mount::unmount(&self.0, rustix::mount::UnmountFlags::DETACH);
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// The disk while it is written to.
pub struct Recorder {
    daemon: Child,
    folder: tempfile::TempDir,
}

impl Recorder {
    /// An empty file system, to be mounted from [`Recorder::disk`].
    pub fn start() -> Recorder {
        let folder = in_memory();
        let path = |name: &str| folder.path().join(name);
        File::create(path("image")).unwrap().set_len(SIZE).unwrap();
        let mut mkfs = Command::new("/usr/sbin/mkfs.ext4");
        // All that differs from the default is for speed: little to copy for each replay.
        mkfs.args(["-q", "-F", "-N", "16384", "-J", "size=8", "-m", "0"]);
        mkfs.args(["-E", "lazy_itable_init=0,lazy_journal_init=0"]).arg(path("image"));
        assert!(mkfs.status().unwrap().success());
        copy_sparse(&path("image"), &path("base"));
        File::create(path("log")).unwrap();
        File::create(path("disk")).unwrap();
        let daemon = daemon(folder.path());
        let recorder = Recorder { daemon, folder };
        let deadline = Instant::now() + Duration::from_secs(20);
        while recorder.disk().metadata().map_or(0, |found| found.len()) != SIZE {
            assert!(Instant::now() < deadline, "qemu's disk does not come");
            std::thread::sleep(Duration::from_millis(10));
        }
        recorder
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn disk(&self) -> PathBuf {
        self.path("disk")
    }

    pub fn log(&self) -> PathBuf {
        self.path("log")
    }

    /// The disk before the first write.
    pub fn base(&self) -> PathBuf {
        self.path("base")
    }

    /// Once it is not mounted any more. What was written stays there to be read.
    pub fn stop(&mut self) {
        if !matches!(self.daemon.try_wait(), Ok(None)) {
            return;
        }
        let pid = rustix::process::Pid::from_child(&self.daemon);
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        let _ = self.daemon.wait();
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.stop();
    }
}

fn daemon(folder: &Path) -> Child {
    let at = |name: &str| folder.join(name).display().to_string();
    Command::new(DAEMON)
        .arg("--blockdev")
        .arg(format!("driver=file,node-name=image,filename={}", at("image")))
        .arg("--blockdev")
        .arg(format!("driver=file,node-name=log,filename={}", at("log")))
        .arg("--blockdev")
        .arg("driver=blklogwrites,node-name=recorded,file=image,log=log,log-sector-size=512")
        .arg("--export")
        .arg(format!("type=fuse,id=disk,node-name=recorded,mountpoint={},writable=on", at("disk")))
        .stdin(Stdio::null())
        .spawn()
        .unwrap()
}

/// Short-lived files of the test's own: in memory where that is possible.
pub fn in_memory() -> tempfile::TempDir {
    let mut builder = tempfile::Builder::new();
    builder.prefix("xii-disk");
    builder.tempdir_in("/dev/shm").or_else(|_| builder.tempdir()).unwrap()
}

/// Only what is not a hole.
pub fn copy_sparse(from: &Path, to: &Path) {
    use rustix::fs::SeekFrom;
    use std::os::unix::fs::FileExt as _;
    let (from, to) = (File::open(from).unwrap(), File::create(to).unwrap());
    to.set_len(from.metadata().unwrap().len()).unwrap();
    let mut buffer = vec![0; 1 << 20];
    let mut at = 0;
    while let Ok(start) = rustix::fs::seek(&from, SeekFrom::Data(at)) {
        let end = rustix::fs::seek(&from, SeekFrom::Hole(start)).unwrap();
        at = start;
        while at < end {
            let want = buffer.len().min((end - at) as usize);
            let read = from.read_at(&mut buffer[..want], at).unwrap();
            to.write_all_at(&buffer[..read], at).unwrap();
            at += read as u64;
        }
    }
}
