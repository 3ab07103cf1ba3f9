//! The few kernel and libc calls that have no safe wrapper, each behind a safe function
//! with the smallest promise that makes it sound.

use rustix::io::Errno;
use rustix::process::Pid;
use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicU64, Ordering};

/// No core dump, neither into a file, for which one byte is too small, nor to a program that
/// the machine has for it: to that one a limit of 0 would mean nothing, and 1 means none.
pub const NO_CORE: u64 = 1;

/// Which side of a fork we are on.
pub enum Fork {
    Parent(Pid),
    Child,
}

fn check(result: libc::c_long) -> Result<libc::c_long, Errno> {
    if result < 0 { Err(last_errno()) } else { Ok(result) }
}

fn last_errno() -> Errno {
    Errno::from_io_error(&io::Error::last_os_error()).unwrap_or(Errno::INVAL)
}

/// Forks. Refuses in a process with more than one thread.
pub fn fork() -> Result<Fork, Errno> {
    if !single_threaded() {
        return Err(Errno::DEADLK);
    }
    // SAFETY: this is the only thread (checked above), so no lock can be held by a thread
    // that does not exist in the child.
    which_side(unsafe { libc::fork() }.into())
}

fn which_side(result: libc::c_long) -> Result<Fork, Errno> {
    match check(result)? {
        0 => Ok(Fork::Child),
        pid => Ok(Fork::Parent(Pid::from_raw(pid as i32).ok_or(Errno::SRCH)?)),
    }
}

/// Forks, and the child is born in the cgroup of v2 whose folder this is. Refuses in a process
/// with more than one thread; `E2BIG` or `ENOSYS` on kernels before 5.7.
pub fn fork_into(cgroup: impl AsFd) -> Result<Fork, Errno> {
    if !single_threaded() {
        return Err(Errno::DEADLK);
    }
    // SAFETY: plain numbers, of which 0 means none.
    let mut arguments: libc::clone_args = unsafe { std::mem::zeroed() };
    arguments.flags = 0x2_0000_0000; // CLONE_INTO_CGROUP; libc's constant lost its highest bit
    arguments.exit_signal = libc::SIGCHLD as u64;
    arguments.cgroup = cgroup.as_fd().as_raw_fd() as u64;
    // SAFETY: a fork as above: nothing is shared with the child, which goes on on its copy of
    // this stack. No handler of libc runs around it; it keeps no number of this process that
    // the child would believe.
    which_side(unsafe {
        libc::syscall(libc::SYS_clone3, &raw const arguments, size_of::<libc::clone_args>())
    })
}

fn single_threaded() -> bool {
    std::fs::read_dir("/proc/self/task").is_ok_and(|tasks| tasks.count() == 1)
}

pub fn unshare(flags: rustix::thread::UnshareFlags) -> Result<(), Errno> {
    // SAFETY: only CLONE_FILES could break I/O safety, and no caller in this room passes it:
    // the descriptors stay those of the one thread there is.
    unsafe { rustix::thread::unshare_unsafe(flags) }
}

/// Sets mount attributes on an open mount, recursively when asked.
pub fn mount_setattr(mount: BorrowedFd<'_>, recursive: bool, set: u64) -> Result<(), Errno> {
    let flags = libc::AT_EMPTY_PATH | if recursive { libc::AT_RECURSIVE } else { 0 };
    let attr = libc::mount_attr { attr_set: set, attr_clr: 0, propagation: 0, userns_fd: 0 };
    // SAFETY: the path is a NUL-terminated constant and `attr` outlives the call, which is
    // told its exact size.
    check(unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_raw_fd(),
            c"".as_ptr(),
            flags,
            &raw const attr,
            size_of::<libc::mount_attr>(),
        )
    })?;
    Ok(())
}

/// Replaces the program. Returns only on failure.
pub fn execve(path: &CStr, argv: &[CString], env: &[CString]) -> Errno {
    let pointers = |list: &[CString]| -> Vec<*const libc::c_char> {
        list.iter().map(|text| text.as_ptr()).chain([std::ptr::null()]).collect()
    };
    let (argv, env) = (pointers(argv), pointers(env));
    // SAFETY: both arrays end with NULL and point to NUL-terminated strings that live until
    // the call returns.
    unsafe { libc::execve(path.as_ptr(), argv.as_ptr(), env.as_ptr()) };
    last_errno()
}

/// Ends the process without running destructors or exit handlers of the forked image.
pub fn exit_now(code: i32) -> ! {
    // SAFETY: always sound; nothing of this process is used afterwards.
    unsafe { libc::_exit(code) }
}

/// Makes `from` the standard stream `to` (0, 1 or 2).
pub fn replace_stdio(from: BorrowedFd<'_>, to: RawFd) -> Result<(), Errno> {
    if !(0..=2).contains(&to) {
        return Err(Errno::BADF);
    }
    // SAFETY: the standard streams are not owned by any `OwnedFd`, so replacing one does not
    // pull a descriptor from under its owner.
    check(unsafe { libc::dup2(from.as_raw_fd(), to) }.into())?;
    Ok(())
}

/// Takes over a descriptor this process was started with, and makes it close on exec. Each
/// number can be taken once, up to 63; to be called before anything else is opened.
pub fn inherited(number: RawFd) -> Result<OwnedFd, Errno> {
    static TAKEN: AtomicU64 = AtomicU64::new(0);
    let bit = u32::try_from(number).ok().and_then(|number| 1u64.checked_shl(number));
    let bit = bit.ok_or(Errno::BADF)?;
    if TAKEN.fetch_or(bit, Ordering::AcqRel) & bit != 0 {
        return Err(Errno::BUSY);
    }
    // SAFETY: F_SETFD takes an integer and fails on a number that is not open.
    check(unsafe { libc::fcntl(number, libc::F_SETFD, libc::FD_CLOEXEC) }.into())?;
    // SAFETY: the number is open (checked), was given to us by the process that started us,
    // and is handed out once (TAKEN): nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Every descriptor above the standard streams closes at the next exec.
pub fn close_all_on_exec() -> Result<(), Errno> {
    // SAFETY: marks descriptors only; none is closed here.
    check(unsafe {
        libc::syscall(libc::SYS_close_range, 3u32, u32::MAX, libc::CLOSE_RANGE_CLOEXEC)
    })?;
    Ok(())
}

/// SIGKILL to every process that can be seen and signalled, but the caller. Only pid 1 of
/// a PID namespace may ask: there it means the namespace and nothing more.
pub fn kill_all_others() -> Result<(), Errno> {
    if rustix::process::getpid().as_raw_pid() != 1 {
        return Err(Errno::PERM);
    }
    // SAFETY: no memory involved; the reach is bounded by the check above.
    check(unsafe { libc::kill(-1, libc::SIGKILL) }.into())?;
    Ok(())
}

/// A descriptor that delivers the signals, which are blocked from now on.
pub fn signal_fd(signals: &[i32]) -> Result<OwnedFd, Errno> {
    let set = signal_set(signals);
    let set = &raw const set;
    // SAFETY: `set` is initialised; the old mask is not asked for.
    let blocked = unsafe { libc::sigprocmask(libc::SIG_BLOCK, set, std::ptr::null_mut()) };
    check(blocked.into())?;
    // SAFETY: `set` is initialised; a new descriptor is returned.
    let fd = unsafe { libc::signalfd(-1, set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) };
    let fd = check(fd.into())?;
    // SAFETY: the descriptor is new, so we are its only owner.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

/// The next signal number waiting on a signal descriptor.
pub fn next_signal(fd: BorrowedFd<'_>) -> Option<i32> {
    let mut record = [0u8; size_of::<libc::signalfd_siginfo>()];
    match rustix::io::read(fd, &mut record) {
        Ok(count) if count == record.len() => {
            Some(i32::from_ne_bytes([record[0], record[1], record[2], record[3]]))
        }
        _ => None,
    }
}

fn signal_set(signals: &[i32]) -> libc::sigset_t {
    let mut set = std::mem::MaybeUninit::uninit();
    // SAFETY: sigemptyset initialises the whole set; sigaddset refuses bad numbers.
    unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        for signal in signals {
            libc::sigaddset(set.as_mut_ptr(), *signal);
        }
        set.assume_init()
    }
}

/// No signal blocked, and those that Rust's runtime or we ignore back to their default:
/// what a program expects at its start.
pub fn default_signals() -> Result<(), Errno> {
    let empty = signal_set(&[]);
    // SAFETY: `empty` is initialised, and default actions need no handler to stay alive.
    unsafe {
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
        check(libc::sigprocmask(libc::SIG_SETMASK, &raw const empty, std::ptr::null_mut()).into())?;
    }
    Ok(())
}

/// Starts a program whose descriptors are exactly these, under these numbers.
pub fn posix_spawn(
    path: &CStr,
    argv: &[CString],
    env: &[CString],
    descriptors: &[(RawFd, OwnedFd)],
) -> Result<Pid, Errno> {
    // Out of the way first: a descriptor must not be overwritten before it is duplicated.
    let copied = |fd| match rustix::io::fcntl_dupfd_cloexec(fd, 64) {
        // So few descriptors are allowed that none is that high.
        Err(Errno::INVAL) => Err(Errno::MFILE),
        copied => copied,
    };
    let high = descriptors.iter().map(|(number, fd)| Ok((*number, copied(fd)?)));
    let high = high.collect::<Result<Vec<_>, Errno>>()?;
    let pointers = |list: &[CString]| -> Vec<*mut libc::c_char> {
        list.iter().map(|text| text.as_ptr().cast_mut()).chain([std::ptr::null_mut()]).collect()
    };
    let (argv, env) = (pointers(argv), pointers(env));
    let signals = (signal_set(&[]), signal_set(&[libc::SIGPIPE]));
    let mut actions = std::mem::MaybeUninit::uninit();
    let mut attributes = std::mem::MaybeUninit::uninit();
    let mut pid: libc::pid_t = 0;
    // SAFETY: both objects are initialised before use and destroyed once; every pointer
    // (path, NULL-terminated arrays, signal sets) lives until after posix_spawn returns.
    let failed = unsafe {
        libc::posix_spawn_file_actions_init(actions.as_mut_ptr());
        libc::posix_spawnattr_init(attributes.as_mut_ptr());
        for (number, fd) in &high {
            libc::posix_spawn_file_actions_adddup2(actions.as_mut_ptr(), fd.as_raw_fd(), *number);
        }
        libc::posix_spawnattr_setsigmask(attributes.as_mut_ptr(), &raw const signals.0);
        libc::posix_spawnattr_setsigdefault(attributes.as_mut_ptr(), &raw const signals.1);
        let flags = libc::POSIX_SPAWN_SETSIGMASK | libc::POSIX_SPAWN_SETSIGDEF;
        libc::posix_spawnattr_setflags(attributes.as_mut_ptr(), flags as libc::c_short);
        let result = libc::posix_spawn(
            &raw mut pid,
            path.as_ptr(),
            actions.as_ptr(),
            attributes.as_ptr(),
            argv.as_ptr(),
            env.as_ptr(),
        );
        libc::posix_spawn_file_actions_destroy(actions.as_mut_ptr());
        libc::posix_spawnattr_destroy(attributes.as_mut_ptr());
        result
    };
    match failed {
        0 => Pid::from_raw(pid).ok_or(Errno::SRCH),
        error => Err(Errno::from_raw_os_error(error)),
    }
}

/// What the command starts is killed when the thread that starts it ends, and makes files as
/// others may read them.
pub fn end_with_this_thread(command: &mut std::process::Command) {
    let settle = || {
        let kill = rustix::process::Signal::KILL;
        rustix::process::set_parent_process_death_signal(Some(kill))?;
        rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o022));
        Ok(())
    };
    // SAFETY: the closure makes two system calls and takes no lock and no memory, so it may
    // run in the child of a process with threads.
    unsafe { std::os::unix::process::CommandExt::pre_exec(command, settle) };
}

const BPF_PROG_LOAD: libc::c_int = 5;
const BPF_PROG_ATTACH: libc::c_int = 8;
const BPF_PROG_TYPE_CGROUP_SOCK_ADDR: u32 = 18;
/// Beside the programs of those who had the cgroup's parents before us.
const BPF_F_ALLOW_MULTI: u32 = 2;

/// The beginning of `union bpf_attr` for loading; what follows is zero.
#[repr(C)]
#[derive(Default)]
struct LoadAttr {
    prog_type: u32,
    insn_cnt: u32,
    insns: u64,
    license: u64,
    log_level: u32,
    log_size: u32,
    log_buf: u64,
    kern_version: u32,
    prog_flags: u32,
    prog_name: [u8; 16],
    prog_ifindex: u32,
    expected_attach_type: u32,
}

#[repr(C)]
struct AttachAttr {
    target_fd: u32,
    attach_bpf_fd: u32,
    attach_type: u32,
    attach_flags: u32,
}

/// Loads a program that the kernel runs at a bind; it checks the instructions itself.
pub fn load_bind_program(instructions: &[u64], place: u32) -> Result<OwnedFd, Errno> {
    let attr = LoadAttr {
        prog_type: BPF_PROG_TYPE_CGROUP_SOCK_ADDR,
        insn_cnt: u32::try_from(instructions.len()).map_err(|_| Errno::TOOBIG)?,
        insns: instructions.as_ptr() as u64,
        license: c"GPL".as_ptr() as u64,
        expected_attach_type: place,
        ..LoadAttr::default()
    };
    // SAFETY: the instructions and the licence outlive the call, which is told how many there
    // are and the exact size of `attr`.
    let fd = check(unsafe {
        libc::syscall(libc::SYS_bpf, BPF_PROG_LOAD, &raw const attr, size_of::<LoadAttr>())
    })?;
    // SAFETY: the descriptor is new, so we are its only owner; it closes on exec by itself.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

pub fn attach_to_cgroup(
    cgroup: BorrowedFd<'_>,
    program: BorrowedFd<'_>,
    place: u32,
) -> Result<(), Errno> {
    let attr = AttachAttr {
        target_fd: cgroup.as_raw_fd() as u32,
        attach_bpf_fd: program.as_raw_fd() as u32,
        attach_type: place,
        attach_flags: BPF_F_ALLOW_MULTI,
    };
    // SAFETY: both descriptors are open, and the call is told the exact size of `attr`.
    check(unsafe {
        libc::syscall(libc::SYS_bpf, BPF_PROG_ATTACH, &raw const attr, size_of::<AttachAttr>())
    })?;
    Ok(())
}
