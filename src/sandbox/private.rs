//! A tool of the host that works as root on a tree of files: in a mount and a process
//! namespace of its own, and ended with the thread that waits for it. However it ends, no
//! mount and no process of it is left.

use super::spec::Env;
use super::sys;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::fs::File;
use std::io::{self, BufRead, BufReader, PipeReader};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::Path;
use std::process::{Command, Stdio};

/// What to run, with exactly this environment; `PATH` is the system's.
#[derive(Debug)]
pub struct Tool<'a> {
    pub argv: &'a [String],
    pub env: Env,
    pub cwd: &'a Path,
}

/// Runs it to its end and gives each line it prints, to stdout or stderr, as it comes. The
/// answer is its exit code, or 128 and the signal's number. It is killed once `cancel` can be
/// read.
pub fn run(tool: &Tool<'_>, cancel: BorrowedFd<'_>, line: &mut dyn FnMut(&str)) -> io::Result<i32> {
    let (output, write) = io::pipe()?;
    #[expect(clippy::disallowed_methods, reason = "the second door, with walls around it")]
    let mut command = Command::new("unshare");
    command.args(["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--"]);
    command.args(tool.argv).current_dir(tool.cwd);
    command.env_clear().env("PATH", super::process::TOOL_PATH).envs(&tool.env.0);
    command.stdin(Stdio::null()).stdout(write.try_clone()?).stderr(write);
    sys::end_with_this_thread(&mut command);
    let mut child = command.spawn()?;
    // It holds the writing end, and our reading would have no end.
    drop(command);
    let handle = pidfd_open(Pid::from_child(&child), PidfdFlags::empty())?;
    let (over, reading) = io::pipe()?;
    let watched = std::thread::scope(|scope| {
        let watch = || kill_when(cancel, &over, &handle);
        let watching = std::thread::Builder::new().spawn_scoped(scope, watch);
        if watching.is_err() {
            let _ = pidfd_send_signal(&handle, Signal::KILL);
        }
        read_lines(output, line);
        drop(reading);
        watching.map(drop)
    });
    let status = child.wait()?;
    watched?;
    let signal = std::os::unix::process::ExitStatusExt::signal(&status);
    Ok(status.code().or(signal.map(|signal| 128 + signal)).unwrap_or(-1))
}

fn read_lines(output: PipeReader, line: &mut dyn FnMut(&str)) {
    let mut read = BufReader::new(File::from(OwnedFd::from(output)));
    let mut bytes = Vec::new();
    while matches!(read.read_until(b'\n', &mut bytes), Ok(1..)) {
        line(String::from_utf8_lossy(&bytes).trim_end());
        bytes.clear();
    }
}

/// Returns when the other end of `over` is closed, too. With the tool, all it started ends.
fn kill_when(cancel: BorrowedFd<'_>, over: &PipeReader, tool: &OwnedFd) {
    let mut polled =
        [PollFd::from_borrowed_fd(cancel, PollFlags::IN), PollFd::new(over, PollFlags::IN)];
    while poll(&mut polled, None) == Err(Errno::INTR) {}
    if polled[0].revents().contains(PollFlags::IN) {
        let _ = pidfd_send_signal(tool, Signal::KILL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsFd;

    fn shell(script: &str) -> (i32, Vec<String>) {
        let argv = ["sh", "-c", script].map(String::from);
        let mut env = Env::default();
        env.set("ONLY", "this");
        let tool = Tool { argv: &argv, env, cwd: Path::new("/tmp") };
        let mut lines = Vec::new();
        let (never, _open) = io::pipe().unwrap();
        let code = run(&tool, never.as_fd(), &mut |line| lines.push(line.to_string())).unwrap();
        (code, lines)
    }

    #[test]
    fn its_mounts_and_processes_are_its_own_and_its_lines_are_seen() {
        if !rustix::process::geteuid().is_root() {
            eprintln!("SKIP its_mounts_and_processes_are_its_own: needs root");
            return;
        }
        let script = "echo $$ $ONLY $HOME; pwd >&2; umask; mount -t tmpfs none /mnt; exit 3";
        let (code, lines) = shell(script);
        assert_eq!((code, lines), (3, vec!["1 this".into(), "/tmp".into(), "0022".into()]));
        let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
        assert!(!mounts.lines().any(|line| line.starts_with("none /mnt ")));
    }

    #[test]
    fn a_tool_that_is_cancelled_ends_with_all_it_started() {
        if !rustix::process::geteuid().is_root() {
            eprintln!("SKIP a_tool_that_is_cancelled_ends: needs root");
            return;
        }
        let argv = ["sh", "-c", "(exec sleep 1000) & echo begun; wait"].map(String::from);
        let tool = Tool { argv: &argv, env: Env::default(), cwd: Path::new("/tmp") };
        let (cancel, cancelling) = io::pipe().unwrap();
        let mut begun = false;
        // It has no end of its own, and what it started holds its output open.
        let code = run(&tool, cancel.as_fd(), &mut |line| {
            begun = line == "begun";
            io::Write::write_all(&mut &cancelling, b"x").unwrap();
        });
        assert_eq!((code.unwrap(), begun), (137, true));
    }
}
