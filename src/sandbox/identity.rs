//! Giving up privileges for good, for processes that serve strangers.

use super::spec::User;
use super::sys;
use rustix::process::{Resource, Rlimit};
use std::io;

/// Becomes another user, without groups, capabilities or a way back. To be called before the
/// process has threads: the kernel keeps credentials per thread.
pub fn become_user(user: &User) -> io::Result<()> {
    let (uid, gid) =
        (rustix::process::Uid::from_raw(user.uid), rustix::process::Gid::from_raw(user.gid));
    rustix::thread::set_thread_groups(&[])?;
    rustix::thread::set_thread_res_gid(gid, gid, gid)?;
    rustix::thread::set_thread_res_uid(uid, uid, uid)?;
    Ok(())
}

/// Goes on in a child with a session of its own; the parent is to end.
pub fn detach() -> io::Result<sys::Fork> {
    let fork = sys::fork()?;
    if matches!(fork, sys::Fork::Child) {
        rustix::process::setsid()?;
    }
    Ok(fork)
}

/// What this process creates is for its own user.
pub fn keep_files_private() {
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o077));
}

/// What is in the memory of this process, such as a key, is never written to a core dump. A
/// limit that is lower already cannot be raised by everybody, and stays.
pub fn leave_no_core() -> io::Result<()> {
    let most = rustix::process::getrlimit(Resource::Core).maximum.unwrap_or(sys::NO_CORE);
    let none = Some(most.min(sys::NO_CORE));
    Ok(rustix::process::setrlimit(Resource::Core, Rlimit { current: none, maximum: none })?)
}

/// No privileges through files, no core dumps, and as many descriptors as the machine allows.
pub fn settle_for_serving() -> io::Result<()> {
    rustix::thread::set_no_new_privs(true)?;
    leave_no_core()?;
    open_many_files(u64::MAX)
}

/// Raises the limit of open descriptors as far as this process may, at most to `most`.
pub fn open_many_files(most: u64) -> io::Result<()> {
    let files = rustix::process::getrlimit(Resource::Nofile);
    let current = files.maximum.map_or(most, |maximum| maximum.min(most));
    if files.current.is_some_and(|now| now < current) {
        let raised = Rlimit { current: Some(current), maximum: files.maximum };
        rustix::process::setrlimit(Resource::Nofile, raised)?;
    }
    Ok(())
}

/// How many descriptors this process may have open.
pub fn most_open_files() -> u64 {
    rustix::process::getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}
