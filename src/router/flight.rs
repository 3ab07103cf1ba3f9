//! One request on its way: however it ends, it is counted and logged exactly once.

use super::access::Record;
use super::code::Code;
use super::routes::Outstanding;
use super::worker::Worker;
use std::rc::Rc;
use std::time::Instant;

pub struct Flight {
    pub worker: Rc<Worker>,
    pub record: Box<Record>,
    pub started: Instant,
    outstanding: Option<Outstanding>,
    ended: bool,
}

impl Flight {
    pub fn new(worker: Rc<Worker>, record: Record, started: Instant) -> Self {
        Flight { worker, record: Box::new(record), started, outstanding: None, ended: false }
    }

    /// An instance was chosen; a former choice counts no longer.
    pub fn assign(&mut self, outstanding: Outstanding) {
        self.record.instance = Some(outstanding.0.clone());
        self.outstanding = Some(outstanding);
    }

    /// The request stops being one: for tunnels, which are counted apart.
    pub fn release(&mut self) -> Option<Outstanding> {
        self.outstanding.take()
    }

    pub fn fail(&mut self, code: Code, detail: Option<&'static str>) {
        self.record.code = Some(code);
        self.record.detail = detail;
        self.record.status = code.status();
        self.end();
    }

    /// Takes the record away: what is left of it says nothing any more.
    pub fn end(&mut self) {
        if !std::mem::replace(&mut self.ended, true) {
            self.outstanding = None;
            self.record.service_time = self.started.elapsed().saturating_sub(self.record.connect);
            self.worker.sink.push(std::mem::take(&mut *self.record));
        }
    }
}

impl Drop for Flight {
    /// Dropped before its end: the client went away.
    fn drop(&mut self) {
        if !self.ended {
            self.fail(Code::H27, Some("client closed the connection"));
        }
    }
}
