//! The stream as it grows.

use super::cursor::Cursor;
use super::follow::{Batch, Follow};
use super::last::last_before;
use super::slot::Slot;
use super::watch::{Wake, Watch, folders};
use super::{Filter, Line};
use crate::app::Failure;
use jiff::Timestamp;
use std::path::{Path, PathBuf};
use tokio::sync::mpsc;

/// Where a tail begins.
#[derive(Debug, Clone)]
pub enum Start {
    /// With what is written from now on.
    Now,
    /// With the last lines that are there; what follows them comes once and without a gap.
    Last(usize),
    Since(Timestamp),
    /// Where another tail of this deploy was.
    Cursor(Cursor),
}

/// Lines of a deploy in time order, first those that are there, then each as it is written.
///
/// A thread of its own does the blocking reads; a reader who does not take the lines makes it
/// wait, not grow. Dropping the tail ends it.
pub struct Tail {
    pub(super) batches: mpsc::Receiver<Result<Batch, Failure>>,
    cursor: Cursor,
    wake: Wake,
}

impl Tail {
    /// The start is fixed when this returns. The folder need not exist yet.
    pub fn open(dir: &Path, filter: Filter, start: Start) -> Result<Tail, Failure> {
        let (cursor, first, since) = match start {
            Start::Now => (Cursor::now(dir)?, None, None),
            Start::Last(most) => (Cursor::now(dir)?, Some(most), None),
            Start::Since(since) => (Cursor::since(Slot::of(since)), None, Some(since)),
            Start::Cursor(cursor) => (cursor, None, None),
        };
        let (sender, batches) = mpsc::channel(4);
        let wake = Wake::default();
        let reading = Reading {
            dir: dir.to_path_buf(),
            filter,
            since,
            first,
            cursor: cursor.clone(),
            wake: wake.clone(),
            sender,
        };
        std::thread::Builder::new()
            .name("log-tail".to_string())
            .spawn(move || reading.run())
            .map_err(|error| Failure::platform("cannot start reading a log").because(error))?;
        Ok(Tail { batches, cursor, wake })
    }

    /// At least one line. Cancelling the wait loses none.
    pub async fn next(&mut self) -> Result<Vec<Line>, Failure> {
        match self.batches.recv().await {
            Some(Ok(batch)) => {
                self.cursor.advance(batch.from, batch.positions);
                Ok(batch.lines)
            }
            Some(Err(failure)) => Err(failure),
            None => Err(Failure::platform("the log is no longer read")),
        }
    }

    /// After the lines that [`Tail::next`] has given.
    pub fn cursor(&self) -> &Cursor {
        &self.cursor
    }
}

impl Drop for Tail {
    fn drop(&mut self) {
        self.wake.close();
    }
}

struct Reading {
    dir: PathBuf,
    filter: Filter,
    since: Option<Timestamp>,
    first: Option<usize>,
    cursor: Cursor,
    wake: Wake,
    sender: mpsc::Sender<Result<Batch, Failure>>,
}

impl Reading {
    fn run(self) {
        let sender = self.sender.clone();
        if let Err(failure) = self.read() {
            // Nobody to tell when the tail is gone.
            let _ = sender.blocking_send(Err(failure));
        }
    }

    fn read(self) -> Result<(), Failure> {
        if let Some(most) = self.first {
            let lines = last_before(&self.dir, most, &self.filter, Some(&self.cursor))?;
            let batch = Batch { lines, from: self.cursor.from, positions: Vec::new() };
            if !batch.lines.is_empty() && self.sender.blocking_send(Ok(batch)).is_err() {
                return Ok(());
            }
        }
        let mut follow = Follow::new(self.dir.clone(), self.filter, self.since, self.cursor);
        let mut watch = Watch::new(self.wake);
        let mut look = true;
        loop {
            if look {
                watch.cover(&folders(&self.dir, follow.slots()?));
                follow.list()?;
            }
            while let Some(batch) = follow.next_batch()? {
                if self.sender.blocking_send(Ok(batch)).is_err() {
                    return Ok(());
                }
            }
            let changes = watch.wait();
            if changes.closed {
                return Ok(());
            }
            look = changes.everything || !follow.changed(&changes.paths);
        }
    }
}
