//! What an instance writes: read from its pipes in bounded helpings, so that an app that
//! writes without end starves neither its control socket nor its stop.

use super::spec::{KeeperSpec, Output};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

const HELPING_BYTES: usize = 64 * 1024;

/// Where the lines go, and the pipes they come from.
pub struct Stream {
    log: Option<File>,
    label: String,
    pipes: Vec<OwnedFd>,
    buffer: Vec<u8>,
}

impl Stream {
    pub fn open(spec: &KeeperSpec) -> io::Result<Stream> {
        let label = format!("xii[{}]", spec.instance.name());
        let log = match &spec.output {
            Output::Passed => None,
            Output::Log { dir, .. } => {
                std::fs::create_dir_all(dir).map_err(|error| super::named(dir, error))?;
                let path = dir.join(format!("{}.log", spec.instance.keeper));
                let file = File::options().create(true).append(true).open(&path);
                Some(file.map_err(|error| super::named(&path, error))?)
            }
        };
        Ok(Stream { log, label, pipes: Vec::new(), buffer: vec![0; HELPING_BYTES] })
    }

    /// New pipes for a new incarnation: the ends the process writes to.
    pub fn pipes(&mut self) -> Result<[OwnedFd; 2], Errno> {
        let (out_read, out_write) = pipe_with(PipeFlags::CLOEXEC)?;
        let (err_read, err_write) = pipe_with(PipeFlags::CLOEXEC)?;
        for pipe in [&out_read, &err_read] {
            rustix::io::ioctl_fionbio(pipe, true)?;
        }
        self.pipes = vec![out_read, err_read];
        Ok([out_write, err_write])
    }

    pub fn sources(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.pipes.iter().map(|pipe| pipe.as_fd())
    }

    /// One helping from one pipe. A pipe at its end is forgotten.
    pub fn take(&mut self, index: usize) {
        self.read_once(index);
    }

    /// True when there may be more.
    fn read_once(&mut self, index: usize) -> bool {
        let Some(pipe) = self.pipes.get(index) else { return false };
        match rustix::io::read(pipe, &mut self.buffer[..]) {
            Ok(0) => {
                self.pipes.remove(index);
                false
            }
            Ok(count) => {
                if let Some(log) = &mut self.log {
                    let _ = log.write_all(&self.buffer[..count]);
                }
                true
            }
            Err(Errno::INTR) => true,
            Err(_) => false,
        }
    }

    /// Everything the dead left in the pipes.
    pub fn drain(&mut self) {
        while let Some(last) = self.pipes.len().checked_sub(1) {
            while self.read_once(last) {}
            self.pipes.truncate(last);
        }
    }

    /// A line of the platform about this instance.
    pub fn say(&mut self, line: &str) {
        if let Some(log) = &mut self.log {
            let _ = log.write_all(format!("{}: {line}\n", self.label).as_bytes());
        }
    }
}
