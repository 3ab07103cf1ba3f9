//! What runs on the recorded disk: two apps that are changed at the same time, with a log that
//! never stops, and what each command acknowledged when.

use super::disk::{Mounted, Recorder};
use super::state::{self, State};
use crate::chaos::Random;
use crate::world::{Checkout, World};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

pub const APPS: [&str; 2] = ["shop", "blog"];

const CHATTER: &str = "import time
count = 0
while True:
    count += 1
    print('line', count, flush=True)
    time.sleep(0.02)
";

/// A command has ended, and this is what the ledger says of its app.
pub struct Ended {
    /// The log's length then.
    pub log_length: u64,
    pub command: String,
    pub state: State,
}

/// All that was seen while the disk was written to.
pub struct Recording {
    pub recorder: Recorder,
    /// In the order of [`APPS`].
    pub ended: Vec<Vec<Ended>>,
    /// The log's length at these times.
    pub moments: Vec<(Timestamp, u64)>,
    /// Log files in the end, by their path below the home.
    pub logs: BTreeMap<PathBuf, Vec<u8>>,
    pub took: Duration,
}

/// Runs so many changes of each app.
pub fn record(random: &mut Random, changes: usize) -> Recording {
    let mut site = Site::new();
    let begun = std::time::Instant::now();
    let over = AtomicBool::new(false);
    let world = &site.world;
    let log = site.recorder.log();
    let seeds: Vec<Random> = APPS.iter().map(|_| random.another()).collect();
    let (ended, moments) = std::thread::scope(|threads| {
        let clock = threads.spawn(|| watch(&log, &over));
        world.up();
        let apps = APPS.iter().zip(seeds);
        let apps =
            apps.map(|(app, random)| threads.spawn(|| change(world, &log, app, random, changes)));
        let apps: Vec<_> = apps.collect();
        let ended: Vec<_> = apps.into_iter().map(|thread| thread.join()).collect();
        over.store(true, Ordering::Relaxed);
        (ended, clock.join().unwrap())
    });
    let ended = ended.into_iter().map(|ended| ended.unwrap()).collect();
    let took = begun.elapsed();
    let _ = site.world.xii(&["down"]).ok();
    let mut logs = BTreeMap::new();
    log_files(&site.world.home(), &mut |path, bytes| _ = logs.insert(path, bytes));
    site.world.leave_home();
    site.recorder.stop();
    Recording { recorder: site.recorder, ended, moments, logs, took }
}

/// The world goes first: its processes are on the disk.
struct Site {
    world: World,
    recorder: Recorder,
}

impl Site {
    fn new() -> Site {
        let mut world = World::without_server();
        let recorder = Recorder::start();
        world.home_on(|home| Box::new(Mounted::new(&recorder.disk(), home).unwrap()));
        Site { world, recorder }
    }
}

fn watch(log: &Path, over: &AtomicBool) -> Vec<(Timestamp, u64)> {
    let mut moments = Vec::new();
    while !over.load(Ordering::Relaxed) {
        moments.push((Timestamp::now(), length(log)));
        std::thread::sleep(Duration::from_millis(5));
    }
    moments
}

pub fn length(log: &Path) -> u64 {
    log.metadata().unwrap().len()
}

fn change(world: &World, log: &Path, name: &str, mut random: Random, changes: usize) -> Vec<Ended> {
    let own = [("chatter.py", CHATTER), ("name.txt", name)];
    let app = world.checkout(name, &[crate::world::WEB, &own].concat());
    let mut ended = Vec::new();
    for round in 0..=changes {
        let command = choose(&app, &mut random, round);
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        let said = app.xii(&words);
        let log_length = length(log);
        let command = format!("{} → {}", words.join(" "), said.code);
        assert!(said.code == 0 || words == ["deploy"], "{name}: {command}: {said:?}");
        let (ledger, key) = state::open(&world.home()).unwrap();
        let state = state::read(&ledger, &key, &name.parse().unwrap()).unwrap();
        ended.push(Ended { log_length, command, state });
    }
    ended
}

/// The first ones in turn, so that each kind is in a short run too.
fn choose(app: &Checkout<'_>, random: &mut Random, round: usize) -> Vec<String> {
    let kind = if round < 6 { round as u64 } else { random.below(9) };
    let words: Vec<String> = match kind {
        0 => return deploy(app, round, true),
        1 => vec!["config".into(), "set".into(), format!("ROUND={round}"), "SECRET=s3cret".into()],
        2 => vec!["scale".into(), format!("web={}", 1 + round % 2), "worker=1".into()],
        3 => return deploy(app, round, true),
        4 => vec!["rollback".into()],
        // A deploy whose release phase fails.
        5 => return deploy(app, round, false),
        6 => vec!["config".into(), "unset".into(), "SECRET".into()],
        7 => return deploy(app, round, true),
        _ => vec!["config".into(), "set".into(), format!("ROUND={round}")],
    };
    words
}

fn deploy(app: &Checkout<'_>, round: usize, good: bool) -> Vec<String> {
    let release = if good { "true" } else { "false" };
    let procfile = format!(
        "web: exec python3 -u web.py\nworker: exec python3 -u chatter.py\nrelease: {release}\n"
    );
    let large = format!("{round} ").repeat(100_000);
    app.commit(&[("Procfile", &procfile), ("large.txt", &large)]);
    vec!["deploy".into()]
}

/// Every file below `logs`.
pub fn log_files(home: &Path, found: &mut dyn FnMut(PathBuf, Vec<u8>)) {
    let mut folders = vec![home.join("logs")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            match path.is_dir() {
                true => folders.push(path),
                false => {
                    let below = path.strip_prefix(home).unwrap().to_path_buf();
                    found(below, std::fs::read(&path).unwrap());
                }
            }
        }
    }
}
