//! `xii hold-instances`: the one process of the unit that apps live in. It gives the unit its
//! cgroup before there is an app, and when the unit is stopped, which is how a machine goes
//! down, it lets every instance go through its stop sequence. It does nothing else, so that
//! nothing is ever a reason to restart it.

use super::notify;
use crate::app::Failure;
use crate::sandbox::cgroup::{Hierarchies, KEEPERS, ROUTER, own_path};
use crate::sandbox::process::Other;
use crate::sandbox::{StepError, process, sys};
use rustix::event::{PollFd, PollFlags, poll};
use std::ffi::OsStr;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::PathBuf;
use std::time::Duration;

const SIGINT: i32 = 2;
const SIGTERM: i32 = 15;
/// The longest stop window is the unit's own patience; this only has to be longer.
const LONG: Duration = Duration::from_secs(3600);

/// Holds the cgroup this process was started in until SIGTERM. `socket` hears when it is held.
pub fn hold_instances(socket: Option<&OsStr>) -> Result<(), Failure> {
    let failed = |error: StepError| Failure::platform("cannot hold the cgroup").because(error);
    let no_signals =
        |error| Failure::platform("cannot wait for signals").because(std::io::Error::from(error));
    let machine = Hierarchies::of_this_machine();
    let (Some(own), Some(root)) = (own_path(), machine.unified.as_ref()) else {
        return Err(Failure::platform("this machine has no cgroup v2"));
    };
    if !machine.is_v2_alone() || own == "/" {
        return Err(Failure::platform("there is no cgroup to hold")
            .why(format!("this process is in {own}"))
            .next("it is systemd that gives one: `Delegate=yes` in a unit, on cgroup v2"));
    }
    let signals = sys::signal_fd(&[SIGTERM, SIGINT]).map_err(no_signals)?;
    // With a process in it, a cgroup of v2 has no limits to pass on. For the same reason none
    // are passed on before it is empty.
    let leaf = machine.cgroup(&format!("{}/hold", own.trim_start_matches('/')));
    leaf.make().and_then(|()| leaf.join()).map_err(failed)?;
    let folder = root.join(own.trim_start_matches('/'));
    if let Some(socket) = socket {
        notify::send(socket, b"READY=1")
            .map_err(|error| Failure::platform("cannot tell systemd").because(error))?;
    }
    wait_for_one(&signals);
    // Requests are served until the last instance has gone.
    for kept in [KEEPERS, ROUTER] {
        stop(&folder, kept);
    }
    Ok(())
}

fn wait_for_one(signals: &OwnedFd) {
    while sys::next_signal(signals.as_fd()).is_none() {
        // Interrupted or not: the signal is looked for again.
        let _ = poll(&mut [PollFd::new(signals, PollFlags::IN)], None);
    }
}

/// SIGTERM to every keeper in every home here, and their ends.
fn stop(folder: &std::path::Path, kept: &str) {
    let homes = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let lists = homes.map(|home| home.path().join(kept).join("cgroup.procs"));
    let keepers: Vec<Other> = lists.flat_map(processes).collect();
    for keeper in &keepers {
        // It may have ended this moment.
        let _ = keeper.terminate();
    }
    for keeper in keepers {
        keeper.wait(LONG);
    }
}

fn processes(list: PathBuf) -> Vec<Other> {
    let text = std::fs::read_to_string(list).unwrap_or_default();
    let pids = text.lines().filter_map(|line| line.parse().ok());
    pids.filter_map(|pid| Other::open(pid, process::start_time(pid)?)).collect()
}
