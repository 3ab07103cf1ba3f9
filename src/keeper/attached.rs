//! One confined command, run to its end by a thread that waits: builds and one-offs whose
//! output somebody watches. The command dies with the thread's process.

use super::client::Connection;
use super::protocol::{Exit, Notice, StateWord};
use super::record::Record;
use super::spec::KeeperSpec;
use super::start::{start, undo};
use crate::app::Failure;
use rustix::event::{EventfdFlags, PollFd, PollFlags, eventfd, poll};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    Stdout,
    Stderr,
}

/// Lets another thread end a [`run_attached`]. Cancelling twice is the same as once.
#[derive(Debug, Clone)]
pub struct Cancel(Arc<OwnedFd>);

impl Cancel {
    pub fn new() -> Result<Cancel, Failure> {
        let failed = |error: Errno| Failure::platform("cannot make an eventfd").because(error);
        eventfd(0, EventfdFlags::CLOEXEC).map(|fd| Cancel(Arc::new(fd))).map_err(failed)
    }

    pub fn cancel(&self) {
        let _ = rustix::io::write(&*self.0, &1u64.to_ne_bytes());
    }

    pub fn is_cancelled(&self) -> bool {
        let mut polled = [PollFd::new(&*self.0, PollFlags::IN)];
        poll(&mut polled, Some(&rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 })) == Ok(1)
    }
}

/// Can be read once it is cancelled.
impl AsFd for Cancel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// A longer line is handed out in pieces.
const LONGEST_LINE: usize = 64 * 1024;
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs the command of `spec`, whose output must be passed and which must be attached, and
/// hands out its lines (without their newline) as they come. Cancelled, it runs the stop
/// sequence and still gives the command's result.
pub fn run_attached(
    exe: &Path,
    spec: &KeeperSpec,
    on_line: &mut dyn FnMut(Stream, &[u8]),
    cancel: &Cancel,
) -> Result<Exit, Failure> {
    let failed = |error: Errno| Failure::platform("cannot make a pipe").because(error);
    let pipe = || pipe_with(PipeFlags::CLOEXEC).map_err(failed);
    let ((out, out_write), (err, err_write), (life, lifeline)) = (pipe()?, pipe()?, pipe()?);
    let null = std::fs::File::open("/dev/null")
        .map_err(|error| Failure::platform("cannot open /dev/null").because(error))?;
    start(exe, spec, Some([null.into(), out_write, err_write]), Some(life))?;
    let connection = Connection::open(&spec.socket);
    let mut sources = [Lines::new(Stream::Stdout, out), Lines::new(Stream::Stderr, err)];
    let mut lifeline = Some(lifeline);
    while sources.iter().any(|source| source.pipe.is_some()) {
        let mut polled: Vec<PollFd<'_>> = sources
            .iter()
            .filter_map(|source| source.pipe.as_ref())
            .map(|pipe| PollFd::new(pipe, PollFlags::IN))
            .collect();
        if lifeline.is_some() {
            polled.push(PollFd::from_borrowed_fd(cancel.0.as_fd(), PollFlags::IN));
        }
        let _ = poll(&mut polled, None);
        if cancel.is_cancelled() {
            lifeline = None;
        }
        for source in &mut sources {
            source.read(on_line);
        }
    }
    let result = result(spec, connection);
    // Of one that ended by itself only the record is left; of one that was killed, more.
    undo(spec);
    result
}

/// From the keeper, or, where it is gone already, from its record.
fn result(spec: &KeeperSpec, connection: Result<Connection, Failure>) -> Result<Exit, Failure> {
    let asked = connection.and_then(|mut connection| {
        let exit = final_exit(&mut connection)?;
        // Until it has cleaned up after itself.
        while let Ok(Some(_)) = connection.next_event(PATIENCE) {}
        Ok(exit)
    });
    let recorded = || {
        let text = std::fs::read(&spec.record).ok()?;
        serde_json::from_slice::<Record>(&text).ok()?.result
    };
    asked.or_else(|failure| recorded().ok_or(failure))
}

fn final_exit(connection: &mut Connection) -> Result<Exit, Failure> {
    let status = connection.status(PATIENCE)?;
    if matches!(status.state, StateWord::Exited | StateWord::Stopped) {
        return Ok(status.last_exit.unwrap_or_default());
    }
    loop {
        if let Some(Notice::Exited(exit)) = connection.next_event(PATIENCE)? {
            return Ok(exit);
        }
    }
}

struct Lines {
    stream: Stream,
    pipe: Option<OwnedFd>,
    rest: Vec<u8>,
}

impl Lines {
    fn new(stream: Stream, pipe: OwnedFd) -> Lines {
        let _ = rustix::io::ioctl_fionbio(&pipe, true);
        Lines { stream, pipe: Some(pipe), rest: Vec::new() }
    }

    fn read(&mut self, on_line: &mut dyn FnMut(Stream, &[u8])) {
        let Some(pipe) = &self.pipe else { return };
        let mut buffer = [0u8; 16 * 1024];
        match rustix::io::read(pipe, &mut buffer) {
            Ok(0) => self.pipe = None,
            Ok(count) => self.rest.extend_from_slice(&buffer[..count]),
            Err(Errno::AGAIN | Errno::INTR) => return,
            Err(_) => self.pipe = None,
        }
        let mut start = 0;
        while let Some(length) = self.rest[start..].iter().position(|byte| *byte == b'\n') {
            on_line(self.stream, &self.rest[start..start + length]);
            start += length + 1;
        }
        self.rest.drain(..start);
        if !self.rest.is_empty() && (self.pipe.is_none() || self.rest.len() >= LONGEST_LINE) {
            on_line(self.stream, &self.rest);
            self.rest.clear();
        }
    }
}
