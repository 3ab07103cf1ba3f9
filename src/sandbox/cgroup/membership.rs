//! How a process comes into a cgroup. Moving one there makes the kernel wait until every
//! processor has taken notice, some ten milliseconds; what is born there waits for nothing
//! (clone3(2), CLONE_INTO_CGROUP, Linux 5.7).

use super::{Cgroup, Hierarchies};
use crate::sandbox::step::{Result, at};
use crate::sandbox::sys::{self, Fork};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

impl Hierarchies {
    /// A cgroup beside the instances', for what outlives its starter. Only v2 has that: on the
    /// hybrid a process would have to leave several, for each of which the kernel takes its time.
    pub fn beside(&self, home: &str, for_whom: &str) -> Result<Option<Cgroup>> {
        if !self.is_v2_alone() {
            return Ok(None);
        }
        self.create(&format!("{home}/{for_whom}"), &super::Limits::default()).map(Some)
    }
}

impl Cgroup {
    /// Moves the calling process in. All hierarchies back to back: the kernel's grace period
    /// is then paid once.
    pub fn join(&self) -> Result<()> {
        for folder in self.folders() {
            let file = folder.join("cgroup.procs");
            at(std::fs::write(&file, "0"), || format!("join {}", file.display()))?;
        }
        Ok(())
    }

    /// Forks, and the child is born here; `None` where it has to join: beside v1 hierarchies,
    /// on kernels before 5.7, and under filters that do not know the call.
    fn bear(&self) -> Option<Fork> {
        let [folder] = self.folders().collect::<Vec<_>>()[..] else { return None };
        if Some(folder) != self.unified.as_ref() {
            return None;
        }
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let folder = rustix::fs::open(folder, flags, Mode::empty()).ok()?;
        sys::fork_into(&folder).ok()
    }
}

/// Forks; the child is to live in `cgroup`, and joins what is handed back with it. Refuses in a
/// process with more than one thread.
pub fn fork(cgroup: Option<&Cgroup>) -> std::result::Result<(Fork, Option<&Cgroup>), Errno> {
    if let Some(fork) = cgroup.and_then(Cgroup::bear) {
        return Ok((fork, None));
    }
    Ok((sys::fork()?, cgroup))
}
