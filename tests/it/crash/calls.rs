//! Which system calls are steps: those that change what others can see, or whose failure a
//! program must expect.

use nix::libc::{self, c_long, user_regs_struct};
use std::fmt;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

/// A system call that is about to be made.
pub struct Call {
    pub pid: i32,
    pub number: c_long,
    arguments: [u64; 4],
}

impl Call {
    pub fn of(pid: i32, regs: &user_regs_struct) -> Call {
        let number = regs.orig_rax as c_long;
        Call { pid, number, arguments: [regs.rdi, regs.rsi, regs.rdx, regs.r10] }
    }

    fn is_one_of(&self, numbers: &[c_long]) -> bool {
        numbers.contains(&self.number)
    }

    fn file(&self) -> String {
        let link = format!("/proc/{}/fd/{}", self.pid, self.arguments[0] as i32);
        std::fs::read_link(link).unwrap_or_default().display().to_string()
    }

    fn makes_a_file(&self) -> bool {
        self.number == libc::SYS_openat && self.arguments[2] as i32 & libc::O_CREAT != 0
    }

    /// To a file of a disk, not to a socket, a pipe or its own log.
    fn writes_a_file(&self) -> bool {
        self.is_one_of(WRITES) && {
            let file = self.file();
            file.starts_with('/') && !file.starts_with("/dev/") && !file.ends_with("server.log")
        }
    }

    /// The text that an argument points to.
    pub fn path(&self, argument: usize) -> Option<String> {
        let memory = std::fs::File::open(PathBuf::from(format!("/proc/{}/mem", self.pid))).ok()?;
        let mut bytes = [0; 256];
        let read = memory.read_at(&mut bytes, self.arguments[argument]).ok()?;
        let text = bytes[..read].split(|byte| *byte == 0).next()?;
        Some(String::from_utf8_lossy(text).into_owned())
    }
}

/// `renameat "stacks/x" "stacks/y"`, `fsync of /home/ledger.db-wal`
impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = NAMES.iter().find(|(number, _)| *number == self.number);
        f.write_str(name.map_or("call", |(_, name)| name))?;
        match self.number {
            libc::SYS_rename | libc::SYS_link | libc::SYS_symlink => {
                write!(f, " {:?} {:?}", self.path(0), self.path(1))
            }
            libc::SYS_unlink | libc::SYS_mkdir | libc::SYS_rmdir | libc::SYS_chmod => {
                write!(f, " {:?}", self.path(0))
            }
            libc::SYS_renameat | libc::SYS_renameat2 | libc::SYS_linkat => {
                write!(f, " {:?} {:?}", self.path(1), self.path(3))
            }
            libc::SYS_openat | libc::SYS_openat2 | libc::SYS_unlinkat | libc::SYS_mkdirat => {
                write!(f, " {:?}", self.path(1))
            }
            _ if self.arguments[0] < 4096 => write!(f, " of {}", self.file()),
            _ => Ok(()),
        }
    }
}

const WRITES: &[c_long] = &[
    libc::SYS_write,
    libc::SYS_pwrite64,
    libc::SYS_writev,
    libc::SYS_pwritev,
    libc::SYS_copy_file_range,
    libc::SYS_sendfile,
];
const SYNCS: &[c_long] = &[libc::SYS_fsync, libc::SYS_fdatasync, libc::SYS_syncfs];
const NAMINGS: &[c_long] = &[
    libc::SYS_rename,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_link,
    libc::SYS_linkat,
    libc::SYS_symlink,
    libc::SYS_symlinkat,
    libc::SYS_mkdir,
    libc::SYS_mkdirat,
    libc::SYS_mknodat,
];
const REMOVALS: &[c_long] = &[libc::SYS_unlink, libc::SYS_unlinkat, libc::SYS_rmdir];
const SIZES: &[c_long] = &[libc::SYS_ftruncate, libc::SYS_truncate, libc::SYS_fallocate];
const RIGHTS: &[c_long] = &[
    libc::SYS_chmod,
    libc::SYS_fchmod,
    libc::SYS_fchmodat,
    libc::SYS_chown,
    libc::SYS_fchown,
    libc::SYS_fchownat,
    libc::SYS_utimensat,
];
const MOUNTS: &[c_long] = &[
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_move_mount,
    libc::SYS_pivot_root,
    libc::SYS_unshare,
    libc::SYS_setuid,
    libc::SYS_setresuid,
];
const PROCESSES: &[c_long] = &[libc::SYS_clone, libc::SYS_clone3, libc::SYS_vfork, libc::SYS_fork];
const OTHERS: &[c_long] = &[
    libc::SYS_execve,
    libc::SYS_kill,
    libc::SYS_pidfd_send_signal,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_listen,
    libc::SYS_sendto,
    libc::SYS_sendmsg,
    libc::SYS_shutdown,
    libc::SYS_flock,
];
const DESCRIPTORS: &[c_long] = &[
    libc::SYS_open,
    libc::SYS_openat,
    libc::SYS_openat2,
    libc::SYS_socket,
    libc::SYS_accept4,
    libc::SYS_pipe2,
    libc::SYS_dup,
    libc::SYS_dup3,
    libc::SYS_memfd_create,
    libc::SYS_epoll_create1,
    libc::SYS_eventfd2,
    libc::SYS_pidfd_open,
    libc::SYS_inotify_init1,
];

/// Everything that others can see: between two of them a death makes no difference.
pub fn changes(call: &Call) -> bool {
    let always = [SYNCS, NAMINGS, REMOVALS, SIZES, RIGHTS, MOUNTS, PROCESSES, OTHERS];
    // What wakes a thread of its own is a write, too.
    let is_write = || call.is_one_of(WRITES) && !call.file().starts_with("anon_inode");
    always.iter().any(|numbers| call.is_one_of(numbers)) || call.makes_a_file() || is_write()
}

/// What a disk may refuse.
pub fn stores(call: &Call) -> bool {
    call.is_one_of(SYNCS) || call.is_one_of(SIZES) || call.writes_a_file()
}

/// What takes up room.
pub fn takes_room(call: &Call) -> bool {
    let grows = call.is_one_of(NAMINGS) || call.is_one_of(SIZES);
    grows || call.makes_a_file() || call.writes_a_file()
}

pub fn opens(call: &Call) -> bool {
    call.is_one_of(DESCRIPTORS)
}

pub fn begins_a_process(call: &Call) -> bool {
    call.is_one_of(PROCESSES)
}

macro_rules! names {
    ($($number:ident)*) => { &[$((libc::$number, stringify!($number)),)*] };
}

const NAMES: &[(c_long, &str)] = names!(
    SYS_write SYS_pwrite64 SYS_writev SYS_pwritev SYS_copy_file_range SYS_sendfile SYS_fsync
    SYS_fdatasync SYS_syncfs SYS_rename SYS_renameat SYS_renameat2 SYS_link SYS_linkat SYS_symlink
    SYS_symlinkat SYS_mkdir SYS_mkdirat SYS_mknodat SYS_unlink SYS_unlinkat SYS_rmdir SYS_ftruncate
    SYS_truncate SYS_fallocate SYS_chmod SYS_fchmod SYS_fchmodat SYS_chown SYS_fchown SYS_fchownat
    SYS_utimensat SYS_mount SYS_umount2 SYS_move_mount SYS_pivot_root SYS_unshare SYS_setuid
    SYS_setresuid SYS_clone SYS_clone3 SYS_vfork SYS_fork SYS_execve SYS_kill
    SYS_pidfd_send_signal SYS_connect SYS_bind SYS_listen SYS_sendto SYS_sendmsg SYS_shutdown
    SYS_flock SYS_open SYS_openat SYS_openat2 SYS_socket SYS_accept4 SYS_pipe2 SYS_dup SYS_dup3
    SYS_memfd_create SYS_epoll_create1 SYS_eventfd2 SYS_pidfd_open SYS_inotify_init1
);
