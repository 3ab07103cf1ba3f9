//! What runs on the recorded disk: two apps that are changed at the same time, with a log that
//! never stops, and what each command acknowledged when.

use super::disk::{Mounted, Recorder};
use super::state::{self, State};
use crate::chaos::Random;
use crate::world::{Checkout, World};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::fs::File;
use std::os::fd::AsRawFd as _;
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
    pub site: Site,
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
        let claim = threads.spawn(|| site.claim());
        world.up();
        claim.join().unwrap();
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
    world.nothing_left();
    let mut logs = BTreeMap::new();
    log_files(&world.home(), &mut |path, bytes| _ = logs.insert(path, bytes));
    site.world.leave_home();
    site.recorder.stop();
    Recording { site, ended, moments, logs, took }
}

/// The world goes first: its processes are on the disk.
pub struct Site {
    pub world: World,
    pub recorder: Recorder,
    /// The folder below the mounted one.
    beneath: File,
}

impl Site {
    fn new() -> Site {
        let mut world = World::without_server();
        std::fs::create_dir(world.home()).unwrap();
        let beneath = File::open(world.home()).unwrap();
        let recorder = Recorder::start();
        world.home_on(|home| Box::new(Mounted::new(&recorder.disk(), home).unwrap()));
        Site { world, recorder, beneath }
    }

    /// Other tests do not see what is mounted. To them the home is there, and its ports taken,
    /// when its id is in the folder beneath.
    fn claim(&self) {
        let id = self.world.home().join("id");
        let text = self.world.until("the home has an id", || std::fs::read(&id).ok());
        let beneath = format!("/proc/self/fd/{}/id", self.beneath.as_raw_fd());
        std::fs::write(beneath, text).unwrap();
    }

    /// The home as it is on this image, with a server; whatever that leaves is a failure.
    pub fn boot(&mut self, image: &Path, look: impl FnOnce(&World)) {
        self.world.home_on(|home| Box::new(Mounted::new(image, home).unwrap()));
        self.world.up();
        look(&self.world);
        self.world.nothing_left();
        self.world.leave_home();
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
    let (mut ended, mut state) = (Vec::new(), State::new());
    for round in 0..=changes {
        let command = choose(&app, &mut random, round, &state);
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        let said = app.xii(&words);
        let log_length = length(log);
        let command = format!("{} → {}", words.join(" "), said.code);
        assert!(said.code == 0 || words == ["deploy"], "{name}: {command}: {said:?}");
        let (ledger, key) = state::open(&world.home()).unwrap();
        state = state::read(&ledger, &key, &name.parse().unwrap()).unwrap();
        ended.push(Ended { log_length, command, state: state.clone() });
    }
    ended
}

/// The first ones in turn, so that each kind is in a short run too.
fn choose(app: &Checkout<'_>, random: &mut Random, round: usize, state: &State) -> Vec<String> {
    let kind = if round < 10 { round as u64 } else { random.below(10) };
    let has_staging = state.contains_key("staging");
    let is_stopped = state.get("production").is_some_and(|deploy| !deploy.stopped.is_empty());
    let text = match kind {
        0 | 3 | 7 => return deploy(app, round, true),
        1 => format!("config set ROUND={round} SECRET=s3cret"),
        2 => format!("scale web={} worker=1", 1 + round % 2),
        4 => "rollback".to_string(),
        // Its release phase fails.
        5 => return deploy(app, round, false),
        6 if has_staging => format!("destroy -d staging --confirm {}/staging", app.name()),
        6 => format!("create {} -d staging", app.name()),
        8 if is_stopped => "start worker".to_string(),
        8 => "stop worker".to_string(),
        _ if has_staging => format!("config set -d staging ROUND={round}"),
        _ => "config unset SECRET".to_string(),
    };
    text.split(' ').map(str::to_string).collect()
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
