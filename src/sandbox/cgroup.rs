//! Limits and membership. Two shapes of machine: cgroup v2 alone, and the hybrid where the
//! limits are in v1 hierarchies while killing and the empty signal are in the unified one.

mod membership;
mod usage;

use super::spec::Limits;
use super::step::{Result, StepError, at};
pub use membership::fork;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
pub use usage::MemoryWatch;

/// Where the hierarchies are mounted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hierarchies {
    pub unified: Option<PathBuf>,
    pub memory: Option<PathBuf>,
    pub pids: Option<PathBuf>,
    pub cpu: Option<PathBuf>,
}

/// Beside the instances' cgroups, on cgroup v2: the keepers, which outlive what they keep. Were
/// they where their starter is, systemd would end them with it.
pub const KEEPERS: &str = "keepers";
/// The router's keeper and its routers.
pub const ROUTER: &str = "router";

/// The cgroup of this process in the hierarchy of v2, `/system.slice/x.service`.
pub fn own_path() -> Option<String> {
    let text = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    text.lines().find_map(|line| line.strip_prefix("0::")).map(str::to_string)
}

impl Hierarchies {
    pub fn of_this_machine() -> Hierarchies {
        Self::parse(&std::fs::read_to_string("/proc/self/mounts").unwrap_or_default())
    }

    /// Reads the lines of `/proc/self/mounts`.
    fn parse(mounts: &str) -> Hierarchies {
        let mut found = Hierarchies::default();
        for line in mounts.lines() {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let &[_, folder, kind, options, ..] = fields.as_slice() else { continue };
            let has = |name: &str| kind == "cgroup" && options.split(',').any(|o| o == name);
            let places = [
                (kind == "cgroup2", &mut found.unified),
                (has("memory"), &mut found.memory),
                (has("pids"), &mut found.pids),
                (has("cpu"), &mut found.cpu),
            ];
            for (here, place) in places {
                if here && place.is_none() {
                    *place = Some(PathBuf::from(folder));
                }
            }
        }
        found
    }

    fn roots(&self) -> impl Iterator<Item = &PathBuf> {
        [&self.memory, &self.pids, &self.cpu, &self.unified].into_iter().flatten()
    }

    /// There is nothing but cgroup v2, so that systemd may have given us a part of it.
    pub fn is_v2_alone(&self) -> bool {
        self.unified.is_some() && self.roots().count() == 1
    }

    /// The names of the instances' cgroups in a home's, e.g. those of keepers that were killed.
    pub fn list(&self, home: &str) -> Vec<String> {
        let folders = self.roots().flat_map(|root| std::fs::read_dir(root.join(home)).into_iter());
        let entries = folders.flatten().flatten().filter(|entry| entry.path().is_dir());
        let mut names: Vec<_> = entries.filter_map(|e| e.file_name().into_string().ok()).collect();
        names.retain(|name| name != KEEPERS && name != ROUTER);
        names.sort();
        names.dedup();
        names
    }

    /// Ends and removes everything below a home's cgroup but what is kept, and the home's
    /// own when nothing is left in it. The names that could not be removed.
    pub fn sweep(
        &self,
        home: &str,
        keep: impl Fn(&str) -> bool,
        patience: Duration,
    ) -> Vec<String> {
        let mut stale = self.list(home);
        stale.retain(|name| !keep(name));
        stale.retain(|name| !self.cgroup(&format!("{home}/{name}")).destroy(patience));
        self.remove_empty(home);
        stale
    }

    /// Removes a home's cgroup when nothing is left in it. Ends nothing.
    pub fn remove_empty(&self, home: &str) {
        for kept in [KEEPERS, ROUTER] {
            self.cgroup(&format!("{home}/{kept}")).remove();
        }
        self.cgroup(home).remove();
    }

    /// Opens by name, whether or not it exists.
    pub fn cgroup(&self, name: &str) -> Cgroup {
        let below = |root: &Option<PathBuf>| root.as_ref().map(|root| root.join(name));
        Cgroup {
            unified: below(&self.unified),
            memory: below(&self.memory),
            pids: below(&self.pids),
            cpu: below(&self.cpu),
        }
    }

    /// Makes the cgroup and writes its limits; an existing one gets the new limits.
    pub fn create(&self, name: &str, limits: &Limits) -> Result<Cgroup> {
        let simple = |part: &str| !part.is_empty() && part != "." && part != "..";
        if !name.split('/').all(simple) {
            return Err(StepError::new(format!("make cgroup `{name}`"), "is not a valid name"));
        }
        let cgroup = self.cgroup(name);
        let made = cgroup.make().and_then(|()| {
            if let Some(root) = &self.unified {
                self.enable_controllers(root, name);
            }
            cgroup.limit(limits)
        });
        if made.is_err() {
            // Half of one would be taken for the cgroup of something that runs.
            cgroup.remove();
        }
        made.map(|()| cgroup)
    }

    /// On v2 a controller reaches a child only when each parent passes it on. A refusal shows
    /// when the limit is written, where it can be named. Above a delegated cgroup its giver has
    /// done so, and nothing changes.
    fn enable_controllers(&self, root: &Path, name: &str) {
        let v1 = [("memory", &self.memory), ("pids", &self.pids), ("cpu", &self.cpu)];
        let mut folder = root.to_path_buf();
        for part in name.split('/') {
            for (controller, mount) in v1 {
                if mount.is_none() {
                    let _ = std::fs::write(
                        folder.join("cgroup.subtree_control"),
                        format!("+{controller}"),
                    );
                }
            }
            // Not every kernel weighs the disk; where it does not, there is nothing to lose.
            let _ = std::fs::write(folder.join("cgroup.subtree_control"), "+io");
            folder.push(part);
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cgroup {
    unified: Option<PathBuf>,
    memory: Option<PathBuf>,
    pids: Option<PathBuf>,
    cpu: Option<PathBuf>,
}

const CPU_PERIOD_US: u64 = 100_000;

impl Cgroup {
    fn folders(&self) -> impl Iterator<Item = &PathBuf> {
        [&self.memory, &self.pids, &self.cpu, &self.unified].into_iter().flatten()
    }

    /// The folder of a controller and whether it is a v1 one.
    fn place<'a>(&'a self, v1: &'a Option<PathBuf>) -> Option<(&'a Path, bool)> {
        match (v1, &self.unified) {
            (Some(folder), _) => Some((folder, true)),
            (None, Some(folder)) => Some((folder, false)),
            (None, None) => None,
        }
    }

    /// Makes it with what limits its parent has for it: none, maybe.
    pub fn make(&self) -> Result<()> {
        for folder in self.folders() {
            at(std::fs::create_dir_all(folder), || format!("make {}", folder.display()))?;
        }
        Ok(())
    }

    fn limit(&self, limits: &Limits) -> Result<()> {
        if let Some(bytes) = limits.memory_bytes {
            self.write(&self.memory, "memory.limit_in_bytes", "memory.max", &bytes.to_string())?;
            // Without this a limit only moves the app to swap. Kernels without swap
            // accounting have no such file.
            let swap = ["memory.memsw.limit_in_bytes", "memory.swap.max"];
            let (memsw, swap_max) = (bytes.to_string(), "0".to_string());
            if let Some((folder, v1)) = self.place(&self.memory) {
                let (file, value) = if v1 { (swap[0], memsw) } else { (swap[1], swap_max) };
                let _ = std::fs::write(folder.join(file), value);
            }
        }
        if let Some(pids) = limits.pids {
            self.write(&self.pids, "pids.max", "pids.max", &pids.to_string())?;
        }
        if let Some(weight) = limits.cpu_weight {
            self.weigh(weight)?;
        }
        if let Some(millicores) = limits.cpu_millicores {
            let quota = (u64::from(millicores) * CPU_PERIOD_US / 1000).max(1000);
            match self.place(&self.cpu) {
                Some((_, true)) => {
                    self.write(&self.cpu, "cpu.cfs_period_us", "", &CPU_PERIOD_US.to_string())?;
                    self.write(&self.cpu, "cpu.cfs_quota_us", "", &quota.to_string())?;
                }
                _ => self.write(&self.cpu, "", "cpu.max", &format!("{quota} {CPU_PERIOD_US}"))?,
            }
        }
        Ok(())
    }

    /// Both shapes have 100 (1024 shares) for who says nothing.
    fn weigh(&self, weight: u16) -> Result<()> {
        let shares = (u64::from(weight) * 1024 / 100).max(2);
        match self.place(&self.cpu) {
            Some((_, true)) => self.write(&self.cpu, "cpu.shares", "", &shares.to_string())?,
            _ => self.write(&self.cpu, "", "cpu.weight", &weight.to_string())?,
        }
        let disk = self.unified.iter().map(|folder| folder.join("io.weight"));
        for file in disk.filter(|file| file.exists()) {
            let _ = std::fs::write(file, format!("default {weight}"));
        }
        Ok(())
    }

    fn write(&self, place: &Option<PathBuf>, v1: &str, v2: &str, value: &str) -> Result<()> {
        let (folder, old) = self
            .place(place)
            .ok_or_else(|| StepError::new(format!("limit {v2}"), "no such cgroup controller"))?;
        let file = folder.join(if old { v1 } else { v2 });
        at(std::fs::write(&file, value), || format!("write {value} to {}", file.display()))
    }

    /// Of the ports that xii gives out, processes here may bind this one and no other.
    pub fn guard_ports(&self, own: Option<u16>) -> Result<()> {
        let none = || StepError::new("guard ports", "there is no cgroup v2 on this machine");
        super::ports::guard(self.unified.as_deref().ok_or_else(none)?, own)
    }

    /// Kills every process in it. False where the kernel has no `cgroup.kill`.
    pub fn kill(&self) -> bool {
        self.unified.as_ref().is_some_and(|f| std::fs::write(f.join("cgroup.kill"), "1").is_ok())
    }

    pub fn populated(&self) -> bool {
        self.folders().any(|folder| {
            std::fs::read_to_string(folder.join("cgroup.procs")).is_ok_and(|p| !p.is_empty())
        })
    }

    /// Removes it; false while a process is still in it.
    pub fn remove(&self) -> bool {
        self.folders().all(|folder| match std::fs::remove_dir(folder) {
            Ok(()) => true,
            Err(error) => error.kind() == io::ErrorKind::NotFound,
        })
    }

    /// Kills and removes, trying again while the kernel is still taking processes down.
    pub fn destroy(&self, patience: Duration) -> bool {
        let end = Instant::now() + patience;
        loop {
            self.kill();
            if self.remove() {
                return true;
            }
            if Instant::now() >= end {
                return false;
            }
            #[expect(
                clippy::disallowed_methods,
                reason = "cgroup v1 tells nobody when it is empty"
            )]
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

#[cfg(test)]
mod tests;
