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

/// No connection idle for longer is used or kept.
const KEPT: Duration = Duration::from_secs(1);
/// The same for a request that may not be repeated.
const FRESH: Duration = Duration::from_millis(200);
/// Idle connections per instance.
const MOST: usize = 64;

struct Idle {
    sender: Sender,
    since: Instant,
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
    /// The connection used last, if it is young enough for the request.
    pub fn take(&self, instance: &Instance, repeatable: bool) -> Option<Sender> {
        let mut shelves = self.shelves.borrow_mut();
        let shelf = shelves.get_mut(&instance.number)?;
        let newest = shelf.idle.pop()?;
        let allowed = if repeatable { KEPT } else { FRESH };
        if newest.since.elapsed() > allowed {
            // All others are older still; they may do for another request, this one as well.
            shelf.idle.push(newest);
            return None;
        }
        Some(newest.sender)
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
        let now = Instant::now();
        shelves.retain(|_, shelf| {
            shelf.idle.retain(|idle| now - idle.since <= KEPT && !idle.sender.is_closed());
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
                tokio::time::sleep(KEPT / 2).await;
                if !worker.pool.sweep() {
                    worker.pool.sweeping.set(false);
                    return;
                }
            }
        });
    }
}
