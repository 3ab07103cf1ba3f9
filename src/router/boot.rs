//! Requests for an app that has no instance: told so, or held while it starts.

use super::code::Code;
use super::flight::Flight;
use super::forward::Trouble;
use super::routes::Service;
use super::table::State;
use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

/// Nobody is listed: the reason, or, while the app is starting, a bounded wait for a change.
pub async fn wait_for_instance(
    service: &Service,
    flight: &Flight,
) -> Result<Arc<Service>, Trouble> {
    let code = match service.state {
        State::Stopped | State::NoProcesses => Code::H14,
        State::Serving | State::Crashed => Code::H10,
        State::Starting => Code::H20,
    };
    if code != Code::H20 {
        return Err(code.into());
    }
    let worker = &flight.worker;
    if worker.waiting.get() >= worker.timing.boot_most {
        return Err(Code::H11.into());
    }
    let _waiting = Waiting::new(&worker.waiting);
    let until = flight.started + Duration::from_millis(worker.timing.boot_ms);
    loop {
        let changed = worker.changed.notified();
        if tokio::time::timeout_at(until.into(), changed).await.is_err() {
            return Err(Code::H20.into());
        }
        let host = flight.record.host.as_ref().and_then(|host| host.to_str().ok());
        let Some(now) = worker.find(host.unwrap_or_default()) else {
            return Err(Code::H14.into());
        };
        if now.state != State::Starting || !now.instances.is_empty() {
            return Ok(now);
        }
    }
}

struct Waiting<'a>(&'a Cell<u32>);

impl<'a> Waiting<'a> {
    fn new(count: &'a Cell<u32>) -> Self {
        count.set(count.get() + 1);
        Waiting(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get() - 1);
    }
}
