//! What one build may use of the machine. Builds are strangers' programs beside running apps:
//! each has a bound on everything that the apps need too, and gives way where both want more.

use crate::app::BuildSettings;
use crate::sandbox::Limits;
use std::time::Duration;

/// A whole build may take this long.
pub const TIME_LIMIT: Duration = Duration::from_secs(30 * 60);
const MOST_PROCESSES: u32 = 4096;
const MOST_MEMORY: u64 = 4 << 30;
const MOST_DISK: u64 = 10 << 30;
/// In the folders it writes to, and in its result.
pub const MOST_FILES: u64 = 2_000_000;
/// A tenth of an app's: with both busy, the app hardly notices.
const WEIGHT: u16 = 10;
/// An app has 300: a machine short of memory ends its builds first.
const OOM_SCORE_ADJ: u16 = 800;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounds {
    /// All steps together.
    pub time: Duration,
    pub memory_bytes: u64,
    /// Of the folders a step writes to, together.
    pub disk_bytes: u64,
    pub files: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Bounds::of(&BuildSettings::default())
    }
}

impl Bounds {
    /// As xii.toml wants them, as far as the machine has it.
    pub fn of(settings: &BuildSettings) -> Bounds {
        let meminfo = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
        Bounds {
            time: settings.timeout_ms.map_or(TIME_LIMIT, Duration::from_millis),
            memory_bytes: memory(settings.memory_bytes, machine_memory(&meminfo)),
            disk_bytes: settings.disk_bytes.unwrap_or(MOST_DISK),
            files: MOST_FILES,
        }
    }

    /// What the kernel holds a build to.
    pub fn limits(&self) -> Limits {
        Limits {
            memory_bytes: Some(self.memory_bytes),
            cpu_millicores: None,
            pids: Some(MOST_PROCESSES),
            cpu_weight: Some(WEIGHT),
            oom_score_adj: Some(OOM_SCORE_ADJ),
        }
    }
}

/// Three quarters of the machine at most; the running apps keep the rest.
fn memory(wanted: Option<u64>, machine: Option<u64>) -> u64 {
    let most = machine.map_or(u64::MAX, |bytes| bytes / 4 * 3);
    wanted.unwrap_or(MOST_MEMORY).min(most)
}

fn machine_memory(meminfo: &str) -> Option<u64> {
    let kib = meminfo.lines().find_map(|line| {
        line.strip_prefix("MemTotal:")?.split_whitespace().next()?.parse::<u64>().ok()
    })?;
    Some(kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_build_gets_what_it_asks_for_but_never_the_whole_machine() {
        let gib = 1 << 30;
        assert_eq!(memory(None, Some(64 * gib)), 4 * gib);
        assert_eq!(memory(Some(6 * gib), Some(64 * gib)), 6 * gib);
        assert_eq!(memory(Some(100 * gib), Some(8 * gib)), 6 * gib);
        assert_eq!(memory(None, Some(2 * gib)), 3 * gib / 2);
        assert_eq!(memory(None, None), 4 * gib);
        assert_eq!(machine_memory("MemFree: 1 kB\nMemTotal:  2048 kB\n"), Some(2 << 20));
    }

    #[test]
    fn what_xii_toml_does_not_say_has_a_bound_all_the_same() {
        let settings = BuildSettings { timeout_ms: Some(1500), ..BuildSettings::default() };
        let bounds = Bounds::of(&settings);
        assert_eq!(bounds.time, Duration::from_millis(1500));
        assert_eq!((bounds.disk_bytes, bounds.files), (MOST_DISK, MOST_FILES));
        let limits = bounds.limits();
        assert!(limits.cpu_weight < Some(100) && limits.oom_score_adj > Some(300));
    }
}
