//! Wakes a reader when a file has grown: the kernel tells, and a slow poll makes up for what
//! it does not tell.

use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher as _};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A safety net only.
const POLL_WATCHED: Duration = Duration::from_secs(2);
/// When the kernel has no watch left to give, or the folder is not there yet.
const POLL_UNWATCHED: Duration = Duration::from_millis(100);
/// After the first event: lets writers who were stamped at the same time arrive together.
const SETTLE: Duration = Duration::from_millis(2);

/// What has happened since the last look.
#[derive(Default)]
pub struct Changes {
    /// Not known what: look at everything.
    pub everything: bool,
    pub paths: BTreeSet<PathBuf>,
    pub closed: bool,
}

impl Changes {
    fn any(&self) -> bool {
        self.everything || self.closed || !self.paths.is_empty()
    }
}

#[derive(Clone, Default)]
pub struct Wake(Arc<(Mutex<Changes>, Condvar)>);

impl Wake {
    pub fn close(&self) {
        self.change(|changes| changes.closed = true);
    }

    fn change(&self, change: impl FnOnce(&mut Changes)) {
        change(&mut self.changes());
        self.0.1.notify_one();
    }

    fn changes(&self) -> MutexGuard<'_, Changes> {
        self.0.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a change, or long enough to look without one.
    fn wait(&self, poll: Duration) -> Changes {
        let quiet = |changes: &mut Changes| !changes.any();
        let waited = self.0.1.wait_timeout_while(self.changes(), poll, quiet);
        let timed_out = waited.unwrap_or_else(PoisonError::into_inner).1.timed_out();
        if !timed_out {
            #[expect(clippy::disallowed_methods, reason = "gathers a burst of changes into one")]
            std::thread::sleep(SETTLE);
        }
        let mut changes = std::mem::take(&mut *self.changes());
        changes.everything |= timed_out;
        changes
    }
}

pub struct Watch {
    wake: Wake,
    watcher: Option<RecommendedWatcher>,
    watched: BTreeSet<PathBuf>,
    complete: bool,
}

impl Watch {
    pub fn new(wake: Wake) -> Watch {
        let heard = wake.clone();
        let watcher = notify::recommended_watcher(move |event| hear(&heard, event)).ok();
        Watch { wake, watcher, watched: BTreeSet::new(), complete: false }
    }

    /// Watches these folders and no others. The caller lists them afterwards, so nothing that
    /// happens in between is missed.
    pub fn cover(&mut self, folders: &[PathBuf]) {
        let Some(watcher) = &mut self.watcher else { return };
        self.watched.retain(|folder| {
            let wanted = folders.contains(folder) && folder.exists();
            if !wanted {
                let _ = watcher.unwatch(folder);
            }
            wanted
        });
        self.complete = true;
        for folder in
            folders.iter().filter(|folder| !self.watched.contains(*folder)).collect::<Vec<_>>()
        {
            match watcher.watch(folder, RecursiveMode::NonRecursive) {
                Ok(()) => self.watched.extend([folder.clone()]),
                Err(_) => self.complete = false,
            }
        }
    }

    pub fn wait(&self) -> Changes {
        self.wake.wait(if self.complete { POLL_WATCHED } else { POLL_UNWATCHED })
    }
}

fn hear(wake: &Wake, event: notify::Result<Event>) {
    match event {
        Ok(event) if event.need_rescan() => wake.change(|changes| changes.everything = true),
        // Readers open files too, and would wake themselves for ever.
        Ok(event) if event.kind.is_access() => {}
        Ok(event) => wake.change(|changes| changes.paths.extend(event.paths)),
        Err(_) => wake.change(|changes| changes.everything = true),
    }
}

/// The folders a reader depends on.
pub fn folders(dir: &Path, slots: impl IntoIterator<Item = impl ToString>) -> Vec<PathBuf> {
    let slots = slots.into_iter().map(|slot| dir.join(slot.to_string()));
    std::iter::once(dir.to_path_buf()).chain(slots).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_watch_the_poll_looks_at_everything() {
        let wake = Wake::default();
        let mut watch = Watch::new(wake.clone());
        watch.cover(&[PathBuf::from("/absent")]);
        assert!(!watch.complete);
        assert!(watch.wait().everything);
        wake.close();
        assert!(watch.wait().closed);
    }
}
