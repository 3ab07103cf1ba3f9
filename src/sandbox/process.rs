//! Starting and watching processes of the host: the door to `Command`, and the only
//! way this binary starts itself again.

use super::spec::Env;
use super::sys;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, WaitId, WaitIdOptions};
use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

pub use super::sys::inherited;

/// A started process of this binary. It is not ended when this value goes.
#[derive(Debug)]
pub struct Started {
    pid: Pid,
    handle: OwnedFd,
}

impl Started {
    pub fn pid(&self) -> i32 {
        self.pid.as_raw_pid()
    }

    /// Readable once the process has ended.
    pub fn handle(&self) -> BorrowedFd<'_> {
        self.handle.as_fd()
    }

    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        Ok(rustix::process::pidfd_send_signal(&self.handle, signal)?)
    }

    /// Waits for its end: the exit code, or 128 and the signal's number.
    pub fn wait(self) -> io::Result<i32> {
        loop {
            match rustix::process::waitid(WaitId::Pid(self.pid), WaitIdOptions::EXITED) {
                Ok(Some(status)) => {
                    let signal = status.terminating_signal().map(|signal| 128 + signal);
                    return Ok(status.exit_status().or(signal).unwrap_or(-1));
                }
                Ok(None) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

/// Starts `exe` with exactly these arguments, environment and descriptors (number in the new
/// process, descriptor here); 0, 1 and 2 are `/dev/null` where not given. Safe to call in a
/// process with threads.
pub fn spawn_self(
    exe: &Path,
    args: &[&str],
    env: &Env,
    descriptors: Vec<(RawFd, OwnedFd)>,
) -> io::Result<Started> {
    let path = CString::new(exe.as_os_str().as_bytes())?;
    let name = exe.file_name().map_or(&b"xii"[..], OsStrExt::as_bytes);
    let mut argv = vec![CString::new(name)?];
    for arg in args {
        argv.push(CString::new(*arg)?);
    }
    let vars = env.0.iter().map(|(name, value)| CString::new(format!("{name}={value}")));
    let vars = vars.collect::<Result<Vec<_>, _>>()?;
    let mut all = descriptors;
    for number in 0..=2 {
        if !all.iter().any(|(given, _)| *given == number) {
            let null = std::fs::File::options().read(true).write(true).open("/dev/null")?;
            all.push((number, null.into()));
        }
    }
    let pid = sys::posix_spawn(&path, &argv, &vars, &all)?;
    let handle = rustix::process::pidfd_open(pid, PidfdFlags::empty())?;
    Ok(Started { pid, handle })
}

/// Runs a tool of the host to its end, with `input` as its stdin, and captures its output.
pub fn run_tool(tool: &str, args: &[&str], input: &[u8]) -> io::Result<Output> {
    #[expect(clippy::disallowed_methods, reason = "this is the door")]
    let mut command = Command::new(tool);
    command.args(args).env_clear().env("PATH", TOOL_PATH).env("LC_ALL", "C");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let stdin = child.stdin.take();
    std::thread::scope(|scope| {
        // On its own thread: a tool may answer before it has read everything.
        let write = move || stdin.map(|mut pipe| io::Write::write_all(&mut pipe, input));
        let writing = std::thread::Builder::new().spawn_scoped(scope, write);
        if writing.is_err() {
            let _ = child.kill();
        }
        let output = child.wait_with_output();
        writing.and(output)
    })
}

pub(super) const TOOL_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// When a process started, in clock ticks since boot: with the pid it names one process.
/// `None` once it has ended, also while nobody has taken notice of its end.
pub fn start_time(pid: i32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    parse_start_time(&stat)
}

/// The command name is in parentheses and may itself hold spaces and parentheses.
fn parse_start_time(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(") ")?;
    let mut fields = after_name.split(' ');
    let alive = !matches!(fields.next()?, "Z" | "X");
    let started = fields.nth(18)?.parse().ok()?;
    alive.then_some(started)
}

/// Open descriptors of a process, and how many it may have.
pub fn descriptors(pid: i32) -> Option<(usize, usize)> {
    let open = std::fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count();
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    Some((open, line.split_whitespace().next()?.parse().ok()?))
}

/// Changes at every boot.
pub fn boot_id() -> io::Result<String> {
    Ok(std::fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_string())
}

/// A hold on a process that is not our child, if pid and start time still name it.
#[derive(Debug)]
pub struct Other(OwnedFd);

impl Other {
    pub fn open(pid: i32, started: u64) -> Option<Other> {
        let handle = rustix::process::pidfd_open(Pid::from_raw(pid)?, PidfdFlags::empty()).ok()?;
        // After opening: from now on the pid cannot come to mean another process to us.
        (start_time(pid) == Some(started)).then_some(Other(handle))
    }

    pub fn terminate(&self) -> io::Result<()> {
        Ok(rustix::process::pidfd_send_signal(&self.0, Signal::TERM)?)
    }

    pub fn kill(&self) -> io::Result<()> {
        Ok(rustix::process::pidfd_send_signal(&self.0, Signal::KILL)?)
    }

    /// True once it has ended, false when that takes longer than `patience`.
    pub fn wait(&self, patience: Duration) -> bool {
        let end = std::time::Instant::now() + patience;
        loop {
            let left = end.saturating_duration_since(std::time::Instant::now());
            let timeout =
                Timespec { tv_sec: left.as_secs() as i64, tv_nsec: left.subsec_nanos().into() };
            match poll(&mut [PollFd::new(&self.0, PollFlags::IN)], Some(&timeout)) {
                Ok(0) => return false,
                Ok(_) => return true,
                Err(_) if left.is_zero() => return false,
                Err(_) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_time_is_found_behind_a_hostile_command_name() {
        let stat = "7 (a) R 1 (b)) S 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4242 9 9\n";
        assert_eq!(parse_start_time(stat), Some(4242));
    }

    #[test]
    fn this_process_is_found_by_pid_and_start_time_and_by_no_other() {
        let pid = std::process::id() as i32;
        let started = start_time(pid).unwrap();
        assert!(Other::open(pid, started).is_some());
        assert!(Other::open(pid, started + 1).is_none());
    }

    #[test]
    fn a_tool_gets_its_input_and_gives_its_output() {
        let big = vec![b'x'; 1 << 20];
        let output = run_tool("cat", &[], &big).unwrap();
        assert!(output.status.success());
        assert_eq!(output.stdout, big);
    }

    #[test]
    fn a_started_process_gets_its_descriptors_under_the_numbers_asked_for() {
        let (read, write) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).unwrap();
        let script = "echo \"$A\" >&7; exit 3";
        let mut env = Env::default();
        env.set("A", "one");
        let shell = Path::new("/bin/sh");
        let started = spawn_self(shell, &["-c", script], &env, vec![(7, write)]).unwrap();
        let mut text = String::new();
        io::Read::read_to_string(&mut std::fs::File::from(read), &mut text).unwrap();
        assert_eq!(text, "one\n");
        assert_eq!(started.wait().unwrap(), 3);
    }
}
