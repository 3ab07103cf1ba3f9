//! The writing end: one instance's output, stamped and appended to its own file.

use super::due::Due;
use super::framer::Framer;
use super::overflow::{self, Overflow};
use super::part::{PartName, is_source};
use super::sink::{Refused, Sink};
use super::slot::Slot;
use super::{label, line, stamp};
use crate::app::Failure;
use jiff::Timestamp;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// One write(2) never carries much more.
const BATCH: usize = 64 * 1024;
/// Of one writer in one slot, so that an endless printer cannot fill the disk.
const MOST_BYTES: u64 = 256 * 1024 * 1024;
/// Past that there is still room for the platform's own lines.
const PLATFORM_BYTES: u64 = 1024 * 1024;

#[derive(Debug, Clone)]
pub struct WriterSpec {
    /// `logs/<app>/<deploy>`
    pub dir: PathBuf,
    /// `app[web.1]`
    pub label: String,
    /// `web.1`
    pub source: String,
    pub release: Option<u64>,
    pub keeper: u64,
    pub incarnation: u32,
}

/// Appends what an instance prints. It reads no clock for a stamp: the owner's loop passes the
/// time, calls [`Writer::tick`] at [`Writer::next_deadline`], and closes or drops it in the end.
pub struct Writer {
    dir: PathBuf,
    label: String,
    part: PartName,
    most_bytes: u64,
    framer: Framer,
    /// Whole lines on their way to the file.
    batch: Vec<u8>,
    sink: Option<Sink>,
    overflow: Option<Overflow>,
    now: Timestamp,
    /// The newest stamp given out; later than `now` when the clock was set back.
    last: Timestamp,
    due: Due,
}

impl Writer {
    /// Opens the file at once: a folder that cannot be written is known before the app runs.
    /// A full disk keeps nothing from running: what is lost is counted, as it is later.
    pub fn open(spec: WriterSpec) -> Result<Writer, Failure> {
        Writer::open_at(spec, Timestamp::now())
    }

    pub(super) fn open_at(spec: WriterSpec, now: Timestamp) -> Result<Writer, Failure> {
        let WriterSpec { dir, label, source, release, keeper, incarnation } = spec;
        if !is_source(&source) {
            return Err(Failure::internal(format!("{source:?} cannot be a log's source")));
        }
        let mut writer = Writer {
            dir,
            label: label::clean(&label),
            part: PartName { source, release, keeper, incarnation },
            most_bytes: MOST_BYTES,
            framer: Framer::default(),
            batch: Vec::new(),
            sink: None,
            overflow: None,
            now,
            last: stamp::truncated(now),
            due: Due::default(),
        };
        match writer.enter() {
            Err(refused) if refused.full => writer.lose(0, refused.failure),
            entered => entered.map_err(|refused| refused.failure)?,
        }
        Ok(writer)
    }

    /// Takes what the app printed, in pieces of any size.
    pub fn write(&mut self, chunk: &[u8], now: Timestamp) {
        self.begin(now);
        let head = line::head(self.last, &self.label);
        let mut framer = std::mem::take(&mut self.framer);
        framer.push(chunk, |text| self.add(&head, text, self.most_bytes));
        self.framer = framer;
        self.append(self.most_bytes);
        self.due.partial(self.framer.has_partial(), now);
    }

    /// A line of the platform about this instance, such as `xii[deploy]`.
    pub fn line(&mut self, label: &str, text: &str, now: Timestamp) {
        self.begin(now);
        let most = self.most_bytes + PLATFORM_BYTES;
        let head = line::head(self.last, &label::clean(label));
        let mut framer = Framer::default();
        framer.push(text.as_bytes(), |text| self.add(&head, text, most));
        framer.flush(|text| self.add(&head, text, most));
        self.append(most);
    }

    /// Does what is due by now.
    pub fn tick(&mut self, now: Timestamp) {
        self.begin(now);
        if self.due.flush_at.is_some_and(|at| at <= now) {
            self.flush_partial();
        }
        if self.overflow.as_ref().is_some_and(|overflow| overflow.report_at <= now) {
            self.report();
        }
        if self.due.sync_at.is_some_and(|at| at <= now) {
            self.sync();
        }
        self.batch.shrink_to(0);
    }

    /// When [`Writer::tick`] has something to do.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        let report_at = self.overflow.as_ref().map(|overflow| overflow.report_at);
        let slot_ends = self.sink.as_ref().map(|sink| sink.slot.ends());
        [self.due.flush_at, self.due.sync_at, report_at, slot_ends].into_iter().flatten().min()
    }

    /// How long until then. The clock may have been set back since: nothing waits for it.
    pub fn due_in(&self, now: Timestamp) -> Option<Duration> {
        let due = self.next_deadline()?;
        let waits = if now < self.now { now } else { due };
        Some(Duration::try_from(waits.duration_since(now)).unwrap_or(Duration::ZERO))
    }

    /// As dropping it, with the time of the end.
    pub fn close(mut self, now: Timestamp) {
        self.begin(now);
    }

    /// Every call that brings the time starts here: stamps never go back, deadlines stay near
    /// when the clock is set back, and a slot that is over is let go.
    fn begin(&mut self, now: Timestamp) {
        if now < self.now {
            self.due.all(now);
            if let Some(overflow) = &mut self.overflow {
                overflow.report_at = now;
            }
        }
        self.now = now;
        self.last = self.last.max(stamp::truncated(now));
        if self.sink.as_ref().is_some_and(|sink| !sink.slot.contains(self.last)) {
            self.sync();
            self.sink = None;
        }
    }

    fn enter(&mut self) -> Result<(), Refused> {
        let (sink, last) = Sink::open(&self.dir, Slot::of(self.last), &self.part)?;
        self.last = last.map_or(self.last, |last| last.max(self.last));
        self.sink = Some(sink);
        Ok(())
    }

    fn add(&mut self, head: &[u8], text: &[u8], most: u64) {
        self.batch.extend_from_slice(head);
        self.batch.extend_from_slice(text);
        self.batch.push(b'\n');
        if self.batch.len() >= BATCH {
            self.append(most);
        }
    }

    /// Brings the batch into the file, or counts it as lost.
    fn append(&mut self, most: u64) {
        if self.batch.is_empty() {
            return;
        }
        let mut batch = std::mem::take(&mut self.batch);
        let (kept, lost) = match self.try_append(&batch, most) {
            Ok(()) => (batch.len(), None),
            Err((why, kept)) => (kept, Some(why)),
        };
        if kept > 0 {
            self.due.written(self.now);
        }
        if let Some(why) = lost {
            let lines = batch[kept..].iter().filter(|byte| **byte == b'\n').count();
            self.lose(lines as u64, why);
        }
        batch.clear();
        self.batch = batch;
    }

    fn try_append(&mut self, lines: &[u8], most: u64) -> Result<(), (Failure, usize)> {
        if self.sink.is_none() {
            self.enter().map_err(|refused| (refused.failure, 0))?;
        }
        match &mut self.sink {
            Some(sink) if sink.bytes + lines.len() as u64 <= most => sink.append(lines),
            _ => Err((overflow::full(&self.part.source, self.most_bytes), 0)),
        }
    }

    fn lose(&mut self, lines: u64, why: Failure) {
        let new = || Overflow::new(self.last, why.to_string(), self.now);
        self.overflow.get_or_insert_with(new).add(lines);
    }

    /// Tells how much was lost, each second that something is, also in a slot that is full.
    fn report(&mut self) {
        let Some(mut overflow) = self.overflow.take() else { return };
        let mut text = line::head(self.last, overflow::LABEL);
        text.extend_from_slice(overflow.text().as_bytes());
        text.push(b'\n');
        match self.try_append(&text, self.most_bytes + 2 * PLATFORM_BYTES) {
            Ok(()) => self.due.written(self.now),
            Err(_) => {
                overflow.retry(self.now);
                self.overflow = Some(overflow);
            }
        }
    }

    fn flush_partial(&mut self) {
        self.due.flush_at = None;
        let head = line::head(self.last, &self.label);
        let mut framer = std::mem::take(&mut self.framer);
        framer.flush(|text| self.add(&head, text, self.most_bytes));
        self.framer = framer;
        self.append(self.most_bytes);
    }

    fn sync(&mut self) {
        self.due.sync_at = None;
        let Some(sink) = self.sink.as_mut() else { return };
        let started = Instant::now();
        let failed = if sink.unsynced { sink.sync().err() } else { None };
        self.due.synced(started.elapsed());
        if let Some(why) = failed {
            self.lose(0, why);
        }
        if self.sink.as_ref().is_some_and(|sink| !sink.is_there()) {
            self.sink = None;
        }
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.flush_partial();
        self.report();
        self.sync();
    }
}

#[cfg(test)]
mod tests;
