//! What a home has left on the machine.

use super::{World, is_alive, kill};
use std::path::{Path, PathBuf};
use xii::sandbox::cgroup::Hierarchies;
use xii::sandbox::firewall;

/// Processes, cgroups, firewall tables, ports, mounts and sockets of the home.
pub fn of(world: &World) -> Vec<String> {
    let id = world.home_id();
    let mut left: Vec<String> =
        processes(world).into_iter().map(|(pid, what)| format!("process {pid}: {what}")).collect();
    let hierarchies = Hierarchies::of_this_machine();
    let home = format!("xii-{id}");
    left.extend(hierarchies.list(&home).into_iter().map(|name| format!("cgroup {home}/{name}")));
    let roots = [&hierarchies.unified, &hierarchies.memory, &hierarchies.pids, &hierarchies.cpu];
    let own = roots.into_iter().flatten().map(|root| root.join(&home));
    left.extend(own.filter(|path| path.exists()).map(|path| format!("cgroup {}", path.display())));
    if firewall::exists(&id).unwrap_or(false) {
        left.push("a firewall table".to_string());
    }
    let ledger = xii::store::Ledger::open(&world.home().join("ledger.db"));
    let ports = ledger.and_then(|ledger| ledger.ports()).unwrap();
    left.extend(ports.into_iter().map(|used| format!("port {} of {}", used.port, used.keeper)));
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
    let home = world.home().display().to_string();
    left.extend(
        mounts
            .lines()
            .filter(|line| {
                line.contains(&home) && !world.disk.as_ref().is_some_and(|d| d.is_at(line))
            })
            .map(|line| format!("mount {line}")),
    );
    if run_dir(world).exists() {
        left.push(format!("run folder {}", run_dir(world).display()));
    }
    left
}

/// Ends what a failed test left, so that the next one is not disturbed.
pub fn end(world: &World) {
    for (pid, _) in processes(world) {
        kill(pid, rustix::process::Signal::KILL);
    }
    let id = world.home_id();
    let _ = firewall::remove(&id);
    let patience = std::time::Duration::from_secs(2);
    Hierarchies::of_this_machine().sweep(&format!("xii-{id}"), |_| false, patience);
    let _ = std::fs::remove_dir_all(run_dir(world));
}

pub fn run_dir(world: &World) -> PathBuf {
    let base = match rustix::process::geteuid().is_root() && !world.rootless {
        true => PathBuf::from("/run/xii"),
        false => world.folder().join("xii"),
    };
    base.join(world.home_id())
}

/// Processes of this home: by their cgroup, their environment or their open files.
fn processes(world: &World) -> Vec<(i32, String)> {
    let id = world.home_id();
    let home = world.home().display().to_string();
    let pids = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = pids.filter_map(|entry| entry.file_name().to_string_lossy().parse::<i32>().ok());
    let ours = |pid: &i32| {
        let folder = PathBuf::from(format!("/proc/{pid}"));
        let cgroup = std::fs::read_to_string(folder.join("cgroup")).unwrap_or_default();
        cgroup.contains(&format!("xii-{id}")) || holds(&folder, &home, &id)
    };
    pids.filter(|pid| *pid != std::process::id() as i32 && is_alive(*pid))
        .filter(ours)
        .map(|pid| (pid, command(pid)))
        .collect()
}

fn holds(folder: &Path, home: &str, id: &str) -> bool {
    let Ok(descriptors) = std::fs::read_dir(folder.join("fd")) else { return false };
    let mut targets = descriptors.flatten().filter_map(|fd| std::fs::read_link(fd.path()).ok());
    targets.any(|target| {
        let target = target.display().to_string();
        target.starts_with(home) || target.contains(&format!("/xii/{id}"))
    })
}

fn command(pid: i32) -> String {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&line).replace('\0', " ")
}
