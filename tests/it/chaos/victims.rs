//! Who can be killed: found without asking anybody, for whoever is asked may be dead.

use super::random::Random;
use crate::world::{World, is_alive, kill};
use rustix::process::Signal;
use serde_json::Value;
use std::path::Path;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Victim {
    Server,
    /// It holds the listening sockets.
    RouterKeeper,
    Router,
    /// Of an instance, or of whatever else is being run.
    Keeper,
    /// Of the app itself.
    App,
}

/// The server's death is the worst that can happen, so it comes up more often.
pub const ALL: [Victim; 6] = [
    Victim::Server,
    Victim::Server,
    Victim::RouterKeeper,
    Victim::Router,
    Victim::Keeper,
    Victim::App,
];

/// Kills one of them with SIGKILL; `None` when there is none now.
pub fn strike(world: &World, victim: Victim, random: &mut Random) -> Option<i32> {
    let all = pids(world, victim);
    if all.is_empty() {
        return None;
    }
    let pid = *random.pick(&all);
    kill(pid, Signal::KILL);
    world.until("the victim is gone", || (!is_alive(pid)).then_some(()));
    Some(pid)
}

pub fn pids(world: &World, victim: Victim) -> Vec<i32> {
    let run_dir = world.run_dir();
    let found = match victim {
        Victim::Server => server(world),
        Victim::RouterKeeper => record_pid(&run_dir.join("router.json")).into_iter().collect(),
        Victim::Router => {
            pids(world, Victim::RouterKeeper).into_iter().flat_map(children).collect()
        }
        Victim::Keeper => {
            let entries = std::fs::read_dir(run_dir.join("instances")).into_iter().flatten();
            entries.flatten().filter_map(|entry| record_pid(&entry.path())).collect()
        }
        Victim::App => pids(world, Victim::Keeper).into_iter().flat_map(children).collect(),
    };
    found.into_iter().filter(|pid| is_alive(*pid)).collect()
}

/// The home's lock names its holder.
fn server(world: &World) -> Vec<i32> {
    let text = std::fs::read_to_string(world.home().join("lock")).unwrap_or_default();
    text.trim().parse().into_iter().collect()
}

/// The pid in a record, if the process is the one that wrote it.
fn record_pid(path: &Path) -> Option<i32> {
    let record: Value = serde_json::from_slice(&std::fs::read(path).ok()?).ok()?;
    let pid = i32::try_from(record["pid"].as_i64()?).ok()?;
    let started = xii::sandbox::process::start_time(pid);
    (started.is_some() && started == record["start_time"].as_u64()).then_some(pid)
}

pub fn children(parent: i32) -> Vec<i32> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_string_lossy().parse().ok());
    pids.filter(|pid| parent_of(*pid) == Some(parent)).collect()
}

fn parent_of(pid: i32) -> Option<i32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, after_name) = stat.rsplit_once(") ")?;
    after_name.split(' ').nth(1)?.parse().ok()
}
