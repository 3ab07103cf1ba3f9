//! What a cgroup has used, and when its memory ran out.

use super::Cgroup;
use rustix::event::{EventfdFlags, eventfd};
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;

/// Tells when the memory of a cgroup runs out.
#[derive(Debug)]
pub enum MemoryWatch {
    /// Readable each time it does.
    Event(OwnedFd),
    /// Urgent (POLLPRI) when the counters in it have changed.
    Counters(OwnedFd),
}

impl MemoryWatch {
    pub fn handle(&self) -> BorrowedFd<'_> {
        match self {
            MemoryWatch::Event(fd) | MemoryWatch::Counters(fd) => fd.as_fd(),
        }
    }

    pub fn is_urgent_kind(&self) -> bool {
        matches!(self, MemoryWatch::Counters(_))
    }

    /// Takes notice, so that it can tell again.
    pub fn reset(&self) {
        let mut buffer = [0u8; 512];
        let _ = match self {
            MemoryWatch::Event(fd) => rustix::io::read(fd, &mut buffer[..8]),
            MemoryWatch::Counters(fd) => rustix::io::pread(fd, &mut buffer[..], 0),
        };
    }
}

impl Cgroup {
    /// `None` where the kernel does not tell.
    pub fn watch_memory(&self) -> Option<MemoryWatch> {
        let (folder, v1) = self.place(&self.memory)?;
        if !v1 {
            let file = File::open(folder.join("memory.events")).ok()?;
            let watch = MemoryWatch::Counters(file.into());
            watch.reset();
            return Some(watch);
        }
        let event = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).ok()?;
        let control = File::open(folder.join("memory.oom_control")).ok()?;
        let line = format!("{} {}", event.as_raw_fd(), control.as_raw_fd());
        std::fs::write(folder.join("cgroup.event_control"), line).ok()?;
        Some(MemoryWatch::Event(event))
    }

    /// How often the kernel killed a process here for want of memory, so far.
    pub fn oom_kills(&self) -> u64 {
        self.number(&self.memory, "memory.oom_control", "memory.events", Some("oom_kill"))
    }

    pub fn memory_bytes(&self) -> u64 {
        self.number(&self.memory, "memory.usage_in_bytes", "memory.current", None)
    }

    pub fn peak_memory_bytes(&self) -> u64 {
        self.number(&self.memory, "memory.max_usage_in_bytes", "memory.peak", None)
    }

    /// CPU time used, in microseconds: the unified hierarchy has it on both shapes.
    pub fn cpu_usec(&self) -> u64 {
        self.number(&None, "", "cpu.stat", Some("usage_usec"))
    }

    fn number(&self, place: &Option<PathBuf>, v1: &str, v2: &str, key: Option<&str>) -> u64 {
        let Some((folder, old)) = self.place(place) else { return 0 };
        let text = std::fs::read_to_string(folder.join(if old { v1 } else { v2 }));
        let text = text.unwrap_or_default();
        let value = match key {
            None => Some(text.trim()),
            Some(key) => text.lines().find_map(|l| l.strip_prefix(key)?.strip_prefix(' ')),
        };
        value.and_then(|value| value.trim().parse().ok()).unwrap_or(0)
    }
}
