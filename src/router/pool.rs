//! Idle connections to instances, one pool per thread.
//!
//! A connection goes stale at its far end's whim, so none is kept for long, and a request
//! that may not be repeated gets only one that was busy a moment ago.

use super::body::Upload;
use super::routes::Instance;
use hyper::client::conn::http1::SendRequest;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub type Sender = SendRequest<Upload>;

/// A request that may not be repeated gets no connection idle for longer.
const FRESH_MS: u32 = 200;
const SWEEP_EVERY: Duration = Duration::from_millis(500);
/// Idle connections per instance.
const MOST: usize = 64;

struct Idle {
    sender: Sender,
    since: Instant,
}

impl Idle {
    fn idle_ms(&self) -> u32 {
        self.since.elapsed().as_millis().min(u128::from(u32::MAX)) as u32
    }
}

struct Shelf {
    instance: Arc<Instance>,
    idle: Vec<Idle>,
}

/// Shelves by the instance's number; the newest connection of a shelf is last.
#[derive(Default)]
pub struct Pool {
    shelves: RefCell<HashMap<u64, Shelf>>,
    sweeping: Cell<bool>,
}

impl Pool {
    /// The connection used last, if it is young enough for the request, and how long it was
    /// idle. Finding it closed teaches how long the app keeps them.
    pub fn take(&self, instance: &Instance, repeatable: bool) -> Option<(Sender, u32)> {
        let mut shelves = self.shelves.borrow_mut();
        let shelf = shelves.get_mut(&instance.number)?;
        while let Some(newest) = shelf.idle.pop() {
            let idle_ms = newest.idle_ms();
            if newest.sender.is_closed() {
                instance.distrust(idle_ms);
                continue;
            }
            let trusted = instance.trusted_ms();
            if idle_ms > if repeatable { trusted } else { trusted.min(FRESH_MS) } {
                // All others are older still; they may do for another request.
                shelf.idle.push(newest);
                return None;
            }
            return Some((newest.sender, idle_ms));
        }
        None
    }

    /// Keeps a connection whose request and response are both complete.
    pub fn put(&self, instance: &Arc<Instance>, sender: Sender) {
        if instance.is_gone() || sender.is_closed() {
            return;
        }
        let mut shelves = self.shelves.borrow_mut();
        let shelf = shelves
            .entry(instance.number)
            .or_insert_with(|| Shelf { instance: instance.clone(), idle: Vec::new() });
        if shelf.idle.len() < MOST {
            shelf.idle.push(Idle { sender, since: Instant::now() });
        }
    }

    /// Closes the connections to instances that left the table.
    pub fn forget_gone(&self) {
        self.shelves.borrow_mut().retain(|_, shelf| !shelf.instance.is_gone());
    }

    /// Closes what has been idle too long; says whether anything is left.
    fn sweep(&self) -> bool {
        let mut shelves = self.shelves.borrow_mut();
        shelves.retain(|_, shelf| {
            shelf.instance.trust_more();
            let trusted = shelf.instance.trusted_ms();
            shelf.idle.retain(|idle| idle.idle_ms() <= trusted && !idle.sender.is_closed());
            !shelf.idle.is_empty()
        });
        !shelves.is_empty()
    }

    /// Starts the sweeper unless it is running; it ends when the pool is empty.
    pub fn keep_swept(worker: &Rc<super::worker::Worker>) {
        if worker.pool.sweeping.replace(true) {
            return;
        }
        let worker = worker.clone();
        tokio::task::spawn_local(async move {
            loop {
                tokio::time::sleep(SWEEP_EVERY).await;
                if !worker.pool.sweep() {
                    worker.pool.sweeping.set(false);
                    return;
                }
            }
        });
    }
}
