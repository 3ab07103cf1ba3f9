//! What must be true of a home after a power cut.

use super::disk::Mounted;
use super::log::Log;
use super::replay::{Cut, Unflushed};
use super::state::{self, State};
use super::workload::{APPS, Ended, log_files};
use crate::world::World;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use xii::store::Home;

/// A line is synced a second after it was written, and the sync itself takes its time.
const LOST_AT_MOST: SignedDuration = SignedDuration::from_millis(2000);

/// What was acknowledged when, and what had been written.
pub struct Seen<'a> {
    pub ended: &'a [Vec<Ended>],
    pub moments: &'a [(Timestamp, u64)],
    pub logs: &'a BTreeMap<PathBuf, Vec<u8>>,
    pub log: &'a Log,
}

/// What was looked at in one image.
#[derive(Debug, Default)]
pub struct Looked {
    pub releases: usize,
    pub builds: usize,
    /// Logs whose last lines are torn.
    pub torn: usize,
    /// From the first lost line to the cut.
    pub lost: SignedDuration,
}

impl Seen<'_> {
    /// Looks at the home on this image without a server.
    pub fn check(&self, cut: &Cut, image: &Path, at: &Path) -> Result<Looked, String> {
        let _mounted = Mounted::new(image, at)?;
        let said = |failure: xii::app::Failure| failure.to_string();
        let mut looked = Looked::default();
        Home::open(at, &at.join("run")).map_err(said)?;
        let (ledger, key) = state::open(at)?;
        integrity(&at.join("ledger.db"))?;
        for (index, app) in APPS.iter().enumerate() {
            let found = state::read(&ledger, &key, &app.parse().unwrap())?;
            let (before, next) = self.around(index, cut);
            let empty = State::new();
            let was = before.map_or(&empty, |ended| &ended.state);
            state::is_between(&found, was, next.map(|ended| &ended.state)).map_err(|what| {
                let name = |ended: Option<&Ended>| ended.map(|ended| ended.command.clone());
                format!(
                    "{app} {what}\nafter {:?}, before the end of {:?}",
                    name(before),
                    name(next)
                )
            })?;
            let releases = found.values().flat_map(|deploy| &deploy.releases);
            looked.releases += releases.clone().count();
            for build in releases.filter_map(|release| release.build) {
                if !at.join("builds").join(build.to_string()).is_dir() {
                    return Err(format!("{build} of {app} is not there"));
                }
            }
        }
        looked.builds = whole_builds(&at.join("builds"))?;
        self.logs(cut, at, &mut looked)?;
        Ok(looked)
    }

    /// The last command of an app that had ended, and the one that may have been under way.
    fn around(&self, app: usize, cut: &Cut) -> (Option<&Ended>, Option<&Ended>) {
        let ended = &self.ended[app];
        let over =
            ended.partition_point(|ended| self.log.entries_at(ended.log_length) <= cut.given);
        (over.checked_sub(1).map(|index| &ended[index]), ended.get(over))
    }

    /// No earlier than this the power can have gone.
    fn time(&self, cut: &Cut) -> Option<Timestamp> {
        let end = self.log.entries[..cut.given].last().map_or(0, |entry| entry.end);
        let after = self.moments.partition_point(|(_, length)| *length <= end);
        after.checked_sub(1).map(|index| self.moments[index].0)
    }

    /// Each log is the beginning of what it was in the end, but for a torn line. Where writes
    /// were lost out of order, what was not synced yet may be torn anywhere.
    fn logs(&self, cut: &Cut, home: &Path, looked: &mut Looked) -> Result<(), String> {
        let Some(now) = self.time(cut) else { return Ok(()) };
        let mut there = BTreeMap::new();
        log_files(home, &mut |path, bytes| _ = there.insert(path, bytes));
        for (path, truth) in self.logs {
            let bytes = there.get(path).map_or(&[][..], Vec::as_slice);
            let same = bytes.iter().zip(truth).take_while(|(one, other)| one == other).count();
            let end = |bytes: &[u8]| bytes.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
            let whole = end(&bytes[..same]);
            if whole < end(bytes) && cut.unflushed != Unflushed::Some {
                return Err(format!("{} holds what was not written", path.display()));
            }
            looked.torn += usize::from(whole < end(bytes));
            let first = truth[whole..].split(|byte| *byte == b'\n').next().unwrap_or_default();
            let Some(line) = xii::logs::Line::parse(first) else { continue };
            looked.lost = looked.lost.max(now.duration_since(line.at));
        }
        match looked.lost > LOST_AT_MOST {
            true => Err(format!("{:#} of lines are lost", looked.lost)),
            false => Ok(()),
        }
    }

    /// What a server that started after the cut must show.
    pub fn answers(&self, cut: &Cut, world: &World) {
        for (index, app) in APPS.iter().enumerate() {
            let (before, next) = self.around(index, cut);
            let Some(before) = before else { continue };
            let current = |ended: &Ended| ended.state["production"].current.unwrap();
            let mut good = vec![current(before)];
            good.extend(next.map(current));
            let _ = world.xii(&["releases", "verify", "-a", app]).ok();
            world.until("the app answers", || {
                let answer = world.get(&format!("{app}.localhost"), "/");
                let is_good = |number: &u64| answer.body.starts_with(&format!("v{number} "));
                (answer.status == 200 && good.iter().any(is_good)).then_some(())
            });
        }
    }
}

pub fn name(unflushed: Unflushed) -> &'static str {
    match unflushed {
        Unflushed::Done => "all writes done",
        Unflushed::Lost => "all since the flush lost",
        Unflushed::Some => "some since the flush lost or torn",
    }
}

fn integrity(ledger: &Path) -> Result<(), String> {
    let said = |error: rusqlite::Error| error.to_string();
    let ledger = rusqlite::Connection::open(ledger).map_err(said)?;
    let verdict = ledger.query_row("PRAGMA integrity_check", [], |row| row.get::<_, String>(0));
    match verdict.map_err(said)?.as_str() {
        "ok" => Ok(()),
        verdict => Err(verdict.to_string()),
    }
}

/// What bears a digest has it, whether a release knows it or not.
fn whole_builds(builds: &Path) -> Result<usize, String> {
    let mut count = 0;
    for entry in std::fs::read_dir(builds).map_err(|error| error.to_string())?.flatten() {
        let digest = xii::codebase::tree_digest(&entry.path()).map_err(|f| f.to_string())?;
        if entry.file_name().to_string_lossy() != digest.to_string() {
            return Err(format!("the build {:?} is {digest}", entry.file_name()));
        }
        count += 1;
    }
    Ok(count)
}
