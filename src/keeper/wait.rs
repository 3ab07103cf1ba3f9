//! One wait for everything a keeper listens to.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::os::fd::BorrowedFd;
use std::time::Duration;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    Signals,
    Listener,
    Setup,
    Lifeline,
    Memory { urgent: bool },
    Output,
    Client(usize),
}

/// Which sources have something, or have ended. `None` as patience: for ever.
pub fn wait(sources: &[(Source, BorrowedFd<'_>)], patience: Option<Duration>) -> Vec<Source> {
    let polled = sources.iter().map(|(source, fd)| {
        // A cgroup's file can always be read; that it has changed is "urgent".
        let wanted = match source {
            Source::Memory { urgent: true } => PollFlags::PRI,
            _ => PollFlags::IN,
        };
        PollFd::from_borrowed_fd(*fd, wanted)
    });
    let mut polled: Vec<_> = polled.collect();
    let timeout = patience.map(|left| Timespec {
        tv_sec: left.as_secs() as i64,
        tv_nsec: left.subsec_nanos().into(),
    });
    if poll(&mut polled, timeout.as_ref()).is_err() {
        return Vec::new();
    }
    let ready = sources.iter().zip(&polled).filter(|(_, fd)| !fd.revents().is_empty());
    ready.map(|((source, _), _)| *source).collect()
}
