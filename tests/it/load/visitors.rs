//! All visitors of a test, and what they found.

use super::post;
use super::tally::{Report, Tally};
use super::timeline::Timeline;
use super::visitor::{Kind, Visitor};
use crate::world::World;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;

const KINDS: [(Kind, usize); 9] = [
    (Kind::Kept, 3),
    (Kind::Fresh, 3),
    (Kind::Slow, 3),
    (Kind::Dripping, 2),
    (Kind::Post, 3),
    (Kind::Upload, 1),
    (Kind::Chunked, 1),
    (Kind::SlowUpload, 2),
    (Kind::WebSocket, 3),
];

pub struct Visitors {
    stop: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    threads: Vec<(Kind, JoinHandle<Tally>)>,
    app: String,
}

impl Visitors {
    pub fn of(world: &World, app: &str) -> Visitors {
        Visitors::of_kinds(world, app, &KINDS)
    }

    pub fn of_kinds(world: &World, app: &str, kinds: &[(Kind, usize)]) -> Visitors {
        let (stop, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let all = kinds.iter().flat_map(|(kind, count)| std::iter::repeat_n(*kind, *count));
        let start = |(number, kind): (usize, Kind)| {
            let (address, host) = (world.http(), format!("{app}.localhost"));
            let answered = answered.clone();
            let visitor = Visitor { kind, number, address, host, kept: None, count: 0, answered };
            let stop = stop.clone();
            (kind, std::thread::spawn(move || visitor.visit(&stop)))
        };
        let threads = all.enumerate().map(start).collect();
        Visitors { stop, answered, threads, app: app.to_string() }
    }

    /// Requests so far; a WebSocket is one, however much it says.
    pub fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    /// Ends the visits: nothing has failed, nothing was done twice, and each answer came from a
    /// release that had the right to give it.
    pub fn end(self, world: &World, test: &str, timeline: &Timeline) -> Report {
        self.stop.store(true, Ordering::Relaxed);
        let mut tallies: BTreeMap<Kind, Vec<Tally>> = BTreeMap::new();
        for (kind, thread) in self.threads {
            tallies.entry(kind).or_default().push(thread.join().unwrap());
        }
        let all = || tallies.values().flatten();
        let answered: BTreeSet<String> = all().flat_map(|t| t.done.iter().cloned()).collect();
        let mut wrong = post::wrongly_done(world, &self.app, &answered);
        let seen = all().flat_map(|tally| &tally.seen);
        let bad = seen.filter(|seen| !timeline.allows(seen.began, seen.ended, seen.release));
        wrong.extend(bad.map(|seen| format!("answered by v{}", seen.release)));
        let failed: Vec<String> = all().flat_map(|tally| tally.failed.iter().cloned()).collect();
        let report = Report::of(&tallies, timeline);
        eprintln!("{test}:\n{report}");
        assert!(
            failed.is_empty(),
            "{} failed: {:#?}",
            failed.len(),
            &failed[..failed.len().min(40)]
        );
        assert!(wrong.is_empty(), "{} wrong: {:#?}", wrong.len(), &wrong[..wrong.len().min(40)]);
        assert!(tallies.values().flatten().all(|tally| !tally.seen.is_empty()), "someone was idle");
        report
    }
}
