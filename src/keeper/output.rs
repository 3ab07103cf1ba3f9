//! What an instance writes: read from its pipe in bounded helpings, so that an app that
//! writes without end starves neither its control socket nor its stop.

use super::spec::{KeeperSpec, Output};
use crate::app::Failure;
use crate::logs::{Writer, WriterSpec};
use jiff::Timestamp;
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

const HELPING_BYTES: usize = 64 * 1024;
/// A pipe holds less than this many helpings.
const MOST_HELPINGS: usize = 32;

pub struct Stream {
    /// `None` when the output is passed on and not ours.
    log: Option<Log>,
    /// stdout and stderr are one pipe: their order is then the order of the writes.
    pipe: Option<OwnedFd>,
    buffer: Vec<u8>,
}

struct Log {
    spec: WriterSpec,
    writer: Option<Writer>,
    /// `xii[web.1]`, for the platform's own lines.
    label: String,
    in_line: bool,
}

impl Stream {
    pub fn open(spec: &KeeperSpec) -> Result<Stream, Failure> {
        let log = match &spec.output {
            Output::Passed => None,
            Output::Log { dir, label } => Some(Log::open(spec, dir.clone(), label.clone())?),
        };
        Ok(Stream { log, pipe: None, buffer: vec![0; HELPING_BYTES] })
    }

    /// A new writer and a new pipe for a new incarnation: the end its process writes to.
    pub fn begin(&mut self, incarnation: u64) -> Result<OwnedFd, Errno> {
        if let Some(log) = &mut self.log {
            log.begin(incarnation);
        }
        let (read, write) = pipe_with(PipeFlags::CLOEXEC)?;
        rustix::io::ioctl_fionbio(&read, true)?;
        self.pipe = Some(read);
        Ok(write)
    }

    pub fn source(&self) -> Option<BorrowedFd<'_>> {
        self.pipe.as_ref().map(|pipe| pipe.as_fd())
    }

    /// One helping. False when there is none now; a pipe at its end is forgotten.
    pub fn take(&mut self) -> bool {
        let Some(pipe) = &self.pipe else { return false };
        match rustix::io::read(pipe, &mut self.buffer[..]) {
            Ok(0) => {
                self.pipe = None;
                false
            }
            Ok(count) => {
                if let Some(log) = &mut self.log {
                    log.write(&self.buffer[..count]);
                }
                true
            }
            Err(error) => error == Errno::INTR,
        }
    }

    /// What the dead left in the pipe, as whole lines: before the platform says that they
    /// are dead.
    pub fn drain(&mut self) {
        let mut helpings = 0;
        while helpings < MOST_HELPINGS && self.take() {
            helpings += 1;
        }
        if let Some(log) = &mut self.log
            && log.in_line
        {
            log.write(b"\n");
        }
    }

    /// A line of the platform about this instance.
    pub fn say(&mut self, line: &str) {
        if let Some(log) = &mut self.log
            && let Some(writer) = &mut log.writer
        {
            writer.line(&log.label, line, Timestamp::now());
        }
    }

    /// How long until [`Stream::tick_when_due`] has something to do.
    pub fn due_in(&self) -> Option<Duration> {
        self.log.as_ref()?.writer.as_ref()?.due_in(Timestamp::now())
    }

    pub fn tick_when_due(&mut self) {
        if self.due_in() == Some(Duration::ZERO)
            && let Some(writer) = self.log.as_mut().and_then(|log| log.writer.as_mut())
        {
            writer.tick(Timestamp::now());
        }
    }
}

impl Log {
    fn open(spec: &KeeperSpec, dir: std::path::PathBuf, label: String) -> Result<Log, Failure> {
        let name = spec.instance.name();
        let writer = WriterSpec {
            dir,
            label,
            source: name.clone(),
            release: spec.release.map(|release| release.0),
            keeper: spec.instance.keeper,
            incarnation: 1,
        };
        let opened = Some(Writer::open(writer.clone())?);
        Ok(Log { spec: writer, writer: opened, label: format!("xii[{name}]"), in_line: false })
    }

    /// Where a new writer cannot be opened, the old one goes on: it counts what it loses.
    fn begin(&mut self, incarnation: u64) {
        let incarnation = u32::try_from(incarnation).unwrap_or(u32::MAX);
        if incarnation == self.spec.incarnation {
            return;
        }
        self.spec.incarnation = incarnation;
        if let Ok(writer) = Writer::open(self.spec.clone()) {
            self.writer = Some(writer);
        }
    }

    fn write(&mut self, bytes: &[u8]) {
        self.in_line = bytes.last().is_some_and(|last| *last != b'\n');
        if let Some(writer) = &mut self.writer {
            writer.write(bytes, Timestamp::now());
        }
    }
}
