//! One visitor: asks, reads the whole answer, notes what it was, asks again.

use super::tally::{Seen, Tally};
use super::{post, upload, websocket};
use crate::world::{Answer, Client};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// One connection for ever.
    Kept,
    /// A connection for each request.
    Fresh,
    /// On a kept connection, under way for most of the time.
    Slow,
    /// An answer in pieces, over a second.
    Dripping,
    /// On a kept connection; it may not be done twice.
    Post,
    /// A megabyte and more, with its length said before.
    Upload,
    /// The same in chunks.
    Chunked,
    /// A body that takes a second and a half to send.
    SlowUpload,
    /// Says something and hears it back, over and over.
    WebSocket,
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Kind::Kept => "GET, kept connection",
            Kind::Fresh => "GET, fresh connection",
            Kind::Slow => "GET, answered after 400 ms",
            Kind::Dripping => "GET, answer dripping for 1 s",
            Kind::Post => "POST, done exactly once",
            Kind::Upload => "upload of 1.5 MB, with a length",
            Kind::Chunked => "upload of 1.5 MB, in chunks",
            Kind::SlowUpload => "upload over 1.5 s",
            Kind::WebSocket => "WebSocket messages",
        }
    }

    fn pause(self) -> Duration {
        Duration::from_millis(match self {
            Kind::Upload | Kind::Chunked => 100,
            _ => 10,
        })
    }
}

/// Where to, and what goes with it.
pub struct Visitor {
    pub kind: Kind,
    /// Tells the bodies of visitors apart.
    pub number: usize,
    pub address: String,
    pub host: String,
    pub kept: Option<Client>,
    pub count: u64,
    /// By all visitors.
    pub answered: Arc<AtomicU64>,
}

impl Visitor {
    pub fn visit(mut self, stop: &AtomicBool) -> Tally {
        if self.kind == Kind::WebSocket {
            return websocket::visit(&self, stop);
        }
        let mut tally = Tally::default();
        while !stop.load(Ordering::Relaxed) {
            let began = Instant::now();
            self.count += 1;
            match self.request(&mut tally) {
                Ok(answer) if answer.status == 200 => {
                    // A router that makes way for the next one says so with an answer.
                    if answer.head.to_ascii_lowercase().contains("connection: close") {
                        self.kept = None;
                        tally.told_to_close += u64::from(self.kind != Kind::Fresh);
                    }
                    let ended = Instant::now();
                    tally.seen.push(Seen { began, ended, release: release(&answer.body) });
                    self.answered.fetch_add(1, Ordering::Relaxed);
                }
                Ok(answer) => self.failed(&mut tally, format!("{answer:?}")),
                Err(error) => {
                    // A kept connection that breaks is a failure, too.
                    self.kept = None;
                    self.failed(&mut tally, format!("{error} after {:?}", began.elapsed()));
                }
            }
            std::thread::sleep(self.kind.pause());
        }
        tally
    }

    fn failed(&self, tally: &mut Tally, what: String) {
        tally.failed.push(format!("{:?} {}.{}: {what}", self.kind, self.number, self.count));
    }

    fn request(&mut self, tally: &mut Tally) -> std::io::Result<Answer> {
        if self.kind == Kind::Fresh {
            return Client::open(&self.address)?.get(&self.host, "/");
        }
        let (kind, id) = (self.kind, format!("{}-{}", self.number, self.count));
        let host = self.host.clone();
        let client = match &mut self.kept {
            Some(client) => client,
            none => none.insert(Client::open(&self.address)?),
        };
        match kind {
            Kind::Slow => client.get(&host, "/slow/400"),
            Kind::Dripping => client.get(&host, "/drip/1000").and_then(whole_drip),
            Kind::Post => post::send(client, &host, &id, tally),
            Kind::Upload | Kind::Chunked | Kind::SlowUpload => {
                upload::send(client, &host, kind, self.count)
            }
            Kind::Kept | Kind::Fresh | Kind::WebSocket => client.get(&host, "/"),
        }
    }
}

fn whole_drip(answer: Answer) -> std::io::Result<Answer> {
    let dots = answer.body.bytes().filter(|byte| *byte == b'.').count();
    // The one in `web.1` is the last.
    match dots == 20 * 500 + 1 {
        true => Ok(answer),
        false => Err(std::io::Error::other(format!("{dots} dots: {answer:?}"))),
    }
}

/// `v3 web.1`, `slow v3 web.1`
pub fn release(text: &str) -> u64 {
    let mut words = text.split(' ').filter_map(|word| word.strip_prefix('v')?.parse().ok());
    words.next().unwrap_or(0)
}
