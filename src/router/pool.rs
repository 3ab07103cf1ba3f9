//! Idle connections to instances, one pool per thread.
//!
//! A connection goes stale at its far end's whim, so none is kept for long. A request that may
//! not be repeated gets only one that was busy a moment ago, and only from an app that is known
//! to let connections rest: some close them behind an answer, and their closing may be on its
//! way when the next request is.

use super::body::Upload;
use super::routes::Instance;
use super::worker::Worker;
use hyper::client::conn::http1::{Connection, SendRequest};
use hyper_util::rt::TokioIo;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::time::Sleep;

/// A request that may not be repeated gets no connection idle for longer.
const FRESH_MS: u32 = 200;
const SWEEP_EVERY: Duration = Duration::from_millis(500);
/// Idle connections per instance.
const MOST: usize = 64;

/// A connection to an instance.
pub struct Link {
    pub sender: SendRequest<Upload>,
    /// The alarm of the request that uses it. Moved as seldom as can be: a request that is
    /// answered in time pays for no timer of its own.
    pub alarm: Pin<Box<Sleep>>,
    rest: Rc<Rest>,
}

/// Since when nobody uses a connection that is kept.
#[derive(Default)]
struct Rest(Cell<Option<Instant>>);

impl Rest {
    fn ms(&self) -> Option<u32> {
        let since = self.0.get()?;
        Some(since.elapsed().as_millis().min(u128::from(u32::MAX)) as u32)
    }
}

impl Link {
    /// Carries the connection on this thread. When it is closed while it rests, that was the
    /// app, and worth knowing at once.
    pub fn new(
        sender: SendRequest<Upload>,
        connection: Connection<TokioIo<TcpStream>, Upload>,
        instance: Arc<Instance>,
        first_byte: Duration,
    ) -> Link {
        let rest = Rc::new(Rest::default());
        let resting = rest.clone();
        tokio::task::spawn_local(async move {
            // Its errors reach the request it serves.
            let _ = connection.with_upgrades().await;
            if let Some(ms) = resting.ms() {
                instance.distrust(ms);
            }
        });
        Link { sender, alarm: Box::pin(tokio::time::sleep(first_byte)), rest }
    }

    fn idle_ms(&self) -> u32 {
        self.rest.ms().unwrap_or(0)
    }
}

impl Drop for Link {
    /// From here on it is not the app that closes it.
    fn drop(&mut self) {
        self.rest.0.set(None);
    }
}

struct Shelf {
    instance: Arc<Instance>,
    idle: Vec<Link>,
}

/// Shelves by the instance's number; the newest connection of a shelf is last.
#[derive(Default)]
pub struct Pool {
    shelves: RefCell<HashMap<u64, Shelf>>,
    sweeping: Cell<bool>,
}

impl Pool {
    /// The connection used last, if it is good enough for the request, and how long it was
    /// idle.
    pub fn take(&self, instance: &Instance, repeatable: bool, now: u64) -> Option<(Link, u32)> {
        if !repeatable && !instance.is_steady(now) {
            return None;
        }
        let mut shelves = self.shelves.borrow_mut();
        let shelf = shelves.get_mut(&instance.number)?;
        while let Some(newest) = shelf.idle.pop() {
            if newest.sender.is_closed() {
                continue;
            }
            let (idle_ms, trusted) = (newest.idle_ms(), instance.trusted_ms());
            if idle_ms > if repeatable { trusted } else { trusted.min(FRESH_MS) } {
                // All others are older still; they may do for another request.
                shelf.idle.push(newest);
                return None;
            }
            newest.rest.0.set(None);
            return Some((newest, idle_ms));
        }
        None
    }

    /// Keeps a connection whose request and response are both complete.
    pub fn put(&self, instance: &Arc<Instance>, link: Link) {
        if instance.is_gone() || link.sender.is_closed() {
            return;
        }
        let mut shelves = self.shelves.borrow_mut();
        let shelf = shelves
            .entry(instance.number)
            .or_insert_with(|| Shelf { instance: instance.clone(), idle: Vec::new() });
        if shelf.idle.len() < MOST {
            link.rest.0.set(Some(Instant::now()));
            shelf.idle.push(link);
        }
    }

    /// Closes the connections to instances that left the table.
    pub fn forget_gone(&self) {
        self.shelves.borrow_mut().retain(|_, shelf| !shelf.instance.is_gone());
    }

    /// Closes all of them: somebody needs their descriptors.
    pub fn clear(&self) {
        self.shelves.borrow_mut().clear();
    }

    /// Closes what has been idle too long; says whether anything is left.
    fn sweep(&self, now: u64) -> bool {
        let mut shelves = self.shelves.borrow_mut();
        shelves.retain(|_, shelf| {
            shelf.idle.retain(|idle| !idle.sender.is_closed());
            shelf.idle.iter().for_each(|idle| shelf.instance.rested(idle.idle_ms(), now));
            shelf.instance.trust_more();
            let trusted = shelf.instance.trusted_ms();
            shelf.idle.retain(|idle| idle.idle_ms() <= trusted);
            !shelf.idle.is_empty()
        });
        !shelves.is_empty()
    }

    /// Starts the sweeper unless it is running; it ends when the pool is empty.
    pub fn keep_swept(worker: &Rc<Worker>) {
        if worker.pool.sweeping.replace(true) {
            return;
        }
        let worker = worker.clone();
        tokio::task::spawn_local(async move {
            loop {
                tokio::time::sleep(SWEEP_EVERY).await;
                if !worker.pool.sweep(worker.now()) {
                    worker.pool.sweeping.set(false);
                    return;
                }
            }
        });
    }
}
