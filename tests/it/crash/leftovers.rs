//! What is on the machine although nothing that is known needs it.

use crate::world::World;
use std::collections::BTreeSet;
use std::path::Path;
use xii::sandbox::cgroup::Hierarchies;
use xii::store::Ledger;

/// What the platform says there is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Known {
    /// `APP/DEPLOY`
    pub deploys: BTreeSet<String>,
    pub keepers: BTreeSet<u64>,
    /// Of those, the ones with a port.
    pub routed: BTreeSet<u64>,
}

pub fn of(world: &World, known: &Known) -> Vec<String> {
    let mut left = records(world, known);
    let id = world.home_id();
    let cgroups = Hierarchies::of_this_machine().list(&format!("xii-{id}"));
    let cgroups = cgroups.into_iter().filter(|name| !is_of(name, &known.keepers));
    left.extend(cgroups.map(|name| format!("cgroup {name}")));
    left.extend(names(&world.home().join("tmp")).into_iter().map(|name| format!("tmp/{name}")));
    left.extend(in_ledger(world, known));
    left.extend(folders(world, known));
    let home = world.home().display().to_string();
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
    let mounts = mounts.lines().filter(|line| line.contains(&home));
    left.extend(mounts.map(|line| format!("mount {line}")));
    left
}

fn is_of(name: &str, keepers: &BTreeSet<u64>) -> bool {
    name.parse().is_ok_and(|keeper| keepers.contains(&keeper))
}

fn records(world: &World, known: &Known) -> Vec<String> {
    let mut wanted = BTreeSet::new();
    for keeper in &known.keepers {
        wanted.extend([format!("{keeper}.json"), format!("{keeper}.sock")]);
    }
    let found: BTreeSet<_> = names(&world.run_dir().join("instances")).into_iter().collect();
    found.symmetric_difference(&wanted).map(|name| format!("instances/{name}")).collect()
}

/// Ports of nobody, and builds that the ledger knows otherwise than the disk.
fn in_ledger(world: &World, known: &Known) -> Vec<String> {
    let ledger = Ledger::open(&world.home().join("ledger.db")).unwrap();
    let used: BTreeSet<u64> = ledger.ports().unwrap().iter().map(|used| used.keeper).collect();
    let ports = used.symmetric_difference(&known.routed).map(|keeper| format!("port of {keeper}"));
    let builds = ledger.builds().unwrap().into_iter().filter(|build| build.pruned_at.is_none());
    let builds: BTreeSet<String> = builds.map(|build| build.digest.to_string()).collect();
    let stored: BTreeSet<String> = names(&world.home().join("builds")).into_iter().collect();
    let builds = stored.symmetric_difference(&builds).map(|build| format!("builds/{build}"));
    ports.chain(builds).collect()
}

/// Logs of deploys and caches of apps that are no more.
fn folders(world: &World, known: &Known) -> Vec<String> {
    let mut left = Vec::new();
    let apps: BTreeSet<&str> =
        known.deploys.iter().filter_map(|deploy| Some(deploy.split_once('/')?.0)).collect();
    let caches = names(&world.home().join("cache"));
    let gone = caches.into_iter().filter(|app| !apps.contains(app.as_str()));
    left.extend(gone.map(|app| format!("cache/{app}")));
    for app in names(&world.home().join("logs")) {
        for deploy in names(&world.home().join("logs").join(&app)) {
            let deploy = format!("{app}/{deploy}");
            if !known.deploys.contains(&deploy) {
                left.push(format!("logs/{deploy}"));
            }
        }
    }
    left
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}
