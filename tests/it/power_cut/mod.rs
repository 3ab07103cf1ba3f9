//! The power fails. Every write and flush of a real file system is recorded while apps are
//! deployed, configured, scaled and rolled back; then the disk is made again as it was at each
//! flush and between them, and the home on it must hold all that had been acknowledged.
//!
//! A failure prints the seed; `XII_TEST_SEED` repeats the choice of moments and losses, not the
//! writes themselves. `XII_TEST_CHANGES` asks for more changes.

mod check;
mod disk;
mod log;
mod replay;
pub mod state;
mod workload;

use crate::chaos::Random;
use check::Seen;
use jiff::SignedDuration;
use log::Log;
use replay::{Cut, Replay, cuts};
use std::collections::BTreeMap;
use std::time::Instant;
use workload::{Recording, Site};

/// How much is looked at.
struct Extent {
    changes: usize,
    between: u64,
    subsets: u64,
    /// So many of the cuts, or all.
    sample: Option<usize>,
    /// A server is started on each so-manieth of them.
    boots: usize,
}

#[test]
fn what_was_acknowledged_is_whole_after_a_power_cut() {
    let extent = Extent { changes: 2, between: 1, subsets: 1, sample: Some(90), boots: 45 };
    run("power_cut::what_was_acknowledged_is_whole_after_a_power_cut", extent);
}

#[test]
#[ignore = "minutes; `just power-cut`"]
fn every_moment_of_many_changes() {
    let changes = std::env::var("XII_TEST_CHANGES").ok().and_then(|text| text.parse().ok());
    let changes = changes.unwrap_or(20);
    let extent = Extent { changes, between: 2, subsets: 3, sample: None, boots: 200 };
    run("power_cut::every_moment_of_many_changes", extent);
}

fn run(test: &str, extent: Extent) {
    if let Some(missing) = disk::missing() {
        return eprintln!("SKIP {test}: needs {missing}");
    }
    let mut random = Random::seeded(test);
    // Mounts of its own: the kernel takes them away with the thread, however it ends.
    let thread = std::thread::spawn(move || {
        disk::mounts_of_its_own();
        prove(&mut random, &extent);
    });
    if let Err(panic) = thread.join() {
        std::panic::resume_unwind(panic);
    }
}

fn prove(random: &mut Random, extent: &Extent) {
    let mut recording = workload::record(random, extent.changes);
    let log = Log::read(&recording.site.recorder.log());
    let flushes = log.entries.iter().filter(|entry| entry.flushes()).count();
    let writes = log.entries.iter().filter(|entry| entry.writes()).count();
    let commands: usize = recording.ended.iter().map(Vec::len).sum();
    println!(
        "recorded in {:.0?}: {commands} commands, {writes} writes, {flushes} flushes",
        recording.took
    );
    let mut cuts = cuts(&log, random, extent.between, extent.subsets);
    if let Some(most) = extent.sample {
        while cuts.len() > most {
            cuts.remove(random.below(cuts.len() as u64) as usize);
        }
    }
    let Recording { site, ended, moments, logs, .. } = &mut recording;
    let seen = Seen { ended, moments, logs, log: &log };
    let begun = Instant::now();
    let found = look(&seen, site, &cuts, random, extent.boots);
    table(&found, begun);
    assert!(
        found.wrong.is_empty(),
        "{} failures, the first: {}",
        found.wrong.len(),
        found.wrong[0]
    );
}

#[derive(Default)]
struct Found {
    cuts: BTreeMap<&'static str, usize>,
    releases: usize,
    builds: usize,
    boots: usize,
    torn: usize,
    lost: SignedDuration,
    wrong: Vec<String>,
}

fn look(
    seen: &Seen<'_>,
    site: &mut Site,
    cuts: &[Cut],
    random: &mut Random,
    boots: usize,
) -> Found {
    let folder = disk::in_memory();
    let mut replay = Replay::new(seen.log, &site.recorder.base());
    let mut found = Found::default();
    let at = folder.path().join("home");
    std::fs::create_dir(&at).unwrap();
    for (index, cut) in cuts.iter().enumerate() {
        let image = folder.path().join("image");
        let _ = std::fs::remove_file(&image);
        replay.make(cut, random, &image);
        *found.cuts.entry(check::name(cut.unflushed)).or_default() += 1;
        let checked = seen.check(cut, &image, &at).map(|looked| {
            found.releases += looked.releases;
            found.builds += looked.builds;
            found.torn += looked.torn;
            found.lost = found.lost.max(looked.lost);
        });
        if checked.is_ok() && index % boots == boots - 1 {
            site.boot(&image, |world| seen.answers(cut, world));
            found.boots += 1;
        }
        if let Err(what) = checked {
            eprintln!("{cut:?}: {what}");
            found.wrong.push(format!("{cut:?}: {what}"));
        }
    }
    found
}

fn table(found: &Found, begun: Instant) {
    for (what, count) in &found.cuts {
        println!("{count:>7}  {what}");
    }
    println!("{:>7}  of them started a server that answered", found.boots);
    println!("{:>7}  releases and {} builds were whole", found.releases, found.builds);
    println!("{:>7}  logs were torn within what was not synced", found.torn);
    println!("{:>7}  ms of log lines lost at most", found.lost.as_millis());
    println!("{:>7}  failures, in {:.0?}", found.wrong.len(), begun.elapsed());
}
