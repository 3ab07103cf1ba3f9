//! Requests that never stop coming, of every kind that a change could break.

use super::timeline::Timeline;
use crate::world::{Answer, Client, World};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// One connection for ever.
    Kept,
    /// A connection for each request.
    Fresh,
    /// On a kept connection, under way for most of the time.
    Slow,
    /// On a kept connection, with a body; it may not be sent twice.
    Post,
}

const KINDS: [Kind; 6] = [Kind::Kept, Kind::Kept, Kind::Fresh, Kind::Slow, Kind::Slow, Kind::Post];
const PAUSE: Duration = Duration::from_millis(10);

pub struct Load {
    stop: Arc<AtomicBool>,
    threads: Vec<(Kind, JoinHandle<Tally>)>,
}

#[derive(Default)]
struct Tally {
    answers: Vec<(Instant, Instant, String)>,
    failed: Vec<String>,
}

impl Load {
    pub fn on(world: &World, host: &str) -> Load {
        let stop = Arc::new(AtomicBool::new(false));
        let start = |kind: &Kind| {
            let (kind, stop) = (*kind, stop.clone());
            let (address, host) = (world.http().to_string(), host.to_string());
            let visit = move || Visitor { kind, address, host, kept: None }.visit(&stop);
            (kind, std::thread::spawn(visit))
        };
        Load { threads: KINDS.iter().map(start).collect(), stop }
    }

    /// Ends the load: not one request has failed, on no connection, and each was answered by
    /// a release that had the right to.
    pub fn end(self, test: &str, timeline: &Timeline) {
        self.stop.store(true, Ordering::Relaxed);
        let mut counts: BTreeMap<Kind, usize> = BTreeMap::new();
        let (mut failed, mut wrong, mut longest) = (Vec::new(), Vec::new(), Duration::ZERO);
        for (kind, thread) in self.threads {
            let tally = thread.join().unwrap();
            *counts.entry(kind).or_default() += tally.answers.len();
            failed.extend(tally.failed.into_iter().map(|what| format!("{kind:?}: {what}")));
            if kind == Kind::Fresh {
                let gaps = tally.answers.windows(2).map(|two| two[1].1 - two[0].1);
                longest = gaps.max().unwrap_or_default();
            }
            let bad = tally.answers.iter().filter(|(b, e, r)| !timeline.allows(*b, *e, r));
            wrong.extend(bad.map(|(_, _, release)| format!("{kind:?}: {release}")));
        }
        let all: usize = counts.values().sum();
        eprintln!(
            "{test}: {all} requests {counts:?}, {} failed, {} answered by a wrong release, \
             longest time without an answer {longest:?}",
            failed.len(),
            wrong.len()
        );
        assert!(failed.is_empty(), "{} of {all} failed: {failed:#?}", failed.len());
        assert!(wrong.is_empty(), "{wrong:#?}");
        assert!(counts.values().all(|count| *count > 0), "{counts:?}");
    }
}

struct Visitor {
    kind: Kind,
    address: String,
    host: String,
    kept: Option<Client>,
}

impl Visitor {
    fn visit(mut self, stop: &AtomicBool) -> Tally {
        let mut tally = Tally::default();
        while !stop.load(Ordering::Relaxed) {
            let began = Instant::now();
            match self.request() {
                Ok(answer) if answer.status == 200 => {
                    tally.answers.push((began, Instant::now(), release(&answer)));
                }
                Ok(answer) => tally.failed.push(format!("{answer:?}")),
                Err(error) => {
                    // A kept connection that breaks is a failure, too.
                    self.kept = None;
                    tally.failed.push(format!("{error} after {:?}", began.elapsed()));
                }
            }
            std::thread::sleep(PAUSE);
        }
        tally
    }

    fn request(&mut self) -> std::io::Result<Answer> {
        if self.kind == Kind::Fresh {
            return Client::open(&self.address)?.get(&self.host, "/");
        }
        let client = match &mut self.kept {
            Some(client) => client,
            none => none.insert(Client::open(&self.address)?),
        };
        match self.kind {
            Kind::Slow => client.get(&self.host, "/slow/400"),
            Kind::Post => client.post(&self.host, "/", &"x".repeat(20_000)),
            Kind::Kept | Kind::Fresh => client.get(&self.host, "/"),
        }
    }
}

/// `v3 web.1` or `slow v3`
fn release(answer: &Answer) -> String {
    let words = answer.body.split(' ');
    words.into_iter().find(|word| word.starts_with('v')).unwrap_or("?").to_string()
}
