//! What one thread of the router has to itself: its view of the routes, its pool, its turn.

use super::access::Sink;
use super::pool::Pool;
use super::routes::{Instance, Outstanding, Routes, Service};
use super::settings::Timing;
use hyper::header::HeaderValue;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::{Notify, mpsc, oneshot, watch};

/// How far the process is on its way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    Serving,
    /// Nothing is accepted; answers say `Connection: close`.
    Draining,
    /// Idle connections and tunnels are closed.
    Closing,
}

/// New routes for a thread, and how it says that it uses them.
#[derive(Debug)]
pub struct Swap {
    pub routes: Arc<Routes>,
    pub done: oneshot::Sender<()>,
}

pub struct Worker {
    routes: RefCell<Arc<Routes>>,
    pub changed: Notify,
    pub pool: Pool,
    turn: Cell<usize>,
    /// Requests held until an instance is there.
    pub waiting: Cell<u32>,
    /// Client connections, tunnels included.
    pub open: Cell<u32>,
    /// Past so many, clients wait: the descriptors that are left are for instances.
    pub most: u32,
    pub closed: Notify,
    seed: Cell<u64>,
    began: Instant,
    pub port: HeaderValue,
    pub timing: Timing,
    pub sink: Arc<Sink>,
    pub phase: watch::Receiver<Phase>,
    draining: Cell<bool>,
}

impl Worker {
    pub fn new(
        routes: Arc<Routes>,
        port: u16,
        most: u32,
        timing: Timing,
        sink: Arc<Sink>,
        phase: watch::Receiver<Phase>,
    ) -> Self {
        let seed = getrandom::u64().unwrap_or_else(|_| u64::from(std::process::id()));
        Worker {
            routes: RefCell::new(routes),
            changed: Notify::new(),
            pool: Pool::default(),
            turn: Cell::new(seed as usize),
            waiting: Cell::new(0),
            open: Cell::new(0),
            most,
            closed: Notify::new(),
            seed: Cell::new(seed),
            began: Instant::now(),
            port: HeaderValue::from(port),
            timing,
            sink,
            phase,
            draining: Cell::new(false),
        }
    }

    /// Follows the published routes and the phase for as long as the process runs.
    pub async fn follow(self: Rc<Self>, mut swaps: mpsc::UnboundedReceiver<Swap>) {
        let mut phase = self.phase.clone();
        loop {
            tokio::select! {
                swap = swaps.recv() => match swap {
                    Some(swap) => self.swap(swap),
                    None => return,
                },
                Ok(()) = phase.changed() => {
                    self.draining.set(*phase.borrow_and_update() != Phase::Serving);
                }
            }
        }
    }

    fn swap(&self, swap: Swap) {
        self.routes.replace(swap.routes);
        self.pool.forget_gone();
        self.changed.notify_waiters();
        // The control side may have given up waiting.
        let _ = swap.done.send(());
    }

    pub fn find(&self, host: &str) -> Option<Arc<Service>> {
        self.routes.borrow().find(host).cloned()
    }

    pub fn pick(&self, service: &Service, tried: &[u64]) -> Option<Outstanding> {
        let turn = self.turn.get().wrapping_add(1);
        self.turn.set(turn);
        service.pick(turn, self.now(), tried)
    }

    pub fn suspect(&self, instance: &Instance) {
        instance.suspect(self.now() + self.timing.suspect_ms);
    }

    /// Milliseconds since the process began.
    pub fn now(&self) -> u64 {
        self.began.elapsed().as_millis() as u64
    }

    pub fn is_draining(&self) -> bool {
        self.draining.get()
    }

    /// A fresh request id: a random UUID (not a secret: splitmix64 from a random seed).
    pub fn request_id(&self) -> HeaderValue {
        let (high, low) = (self.random(), self.random());
        let high = (high & !0xf000) | 0x4000;
        let low = (low & !(0b11 << 62)) | (0b10 << 62);
        let mut text = [b'-'; 36];
        let mut put = |at: usize, value: u64, digits: usize| {
            for digit in 0..digits {
                let nibble = (value >> (4 * (digits - 1 - digit))) & 15;
                text[at + digit] = b"0123456789abcdef"[nibble as usize];
            }
        };
        put(0, high >> 32, 8);
        put(9, (high >> 16) & 0xffff, 4);
        put(14, high & 0xffff, 4);
        put(19, low >> 48, 4);
        put(24, low & 0xffff_ffff_ffff, 12);
        HeaderValue::from_bytes(&text).unwrap_or(HeaderValue::from_static("-"))
    }

    fn random(&self) -> u64 {
        let seed = self.seed.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.seed.set(seed);
        let mixed = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
