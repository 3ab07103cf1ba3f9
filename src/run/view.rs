//! What the outside may see of a deploy's instances, published after every step.

use super::instance::Running;
use super::plan::{Desired, Slot, State};
use crate::app::{Failure, InstanceId, ProcessType, ReleaseNumber};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Clone, Default)]
pub struct View {
    pub desired: Desired,
    pub instances: Vec<InstanceView>,
    pub table: BTreeSet<u64>,
    pub start_failures: BTreeMap<Slot, NotStarted>,
    /// The plan is empty and everything desired is ready.
    pub settled: bool,
    /// Counts the changes of the desired state that this view has taken in.
    pub change: u64,
}

/// An instance that could not even be started.
#[derive(Debug, Clone)]
pub struct NotStarted {
    pub failure: Failure,
    pub retry_at: Timestamp,
}

#[derive(Debug, Clone)]
pub struct InstanceView {
    pub id: InstanceId,
    pub release: ReleaseNumber,
    pub state: State,
    pub since: Timestamp,
    pub port: Option<u16>,
    pub pid: i32,
    pub boot_ms: Option<u64>,
    pub in_flight: u64,
    pub restarts: u64,
    pub restarting_at: Option<Timestamp>,
    pub last_exit: Option<String>,
    pub failure: Option<Failure>,
}

impl From<&Running> for InstanceView {
    fn from(running: &Running) -> Self {
        InstanceView {
            id: running.id.clone(),
            release: running.release,
            state: running.state,
            since: running.since,
            port: running.port,
            pid: running.pid,
            boot_ms: running.boot_ms,
            in_flight: running.in_flight,
            restarts: running.restarts,
            restarting_at: running.restarting_at,
            last_exit: running.last_exit.clone(),
            failure: running.failure.clone(),
        }
    }
}

impl View {
    /// The instances that fill a wanted slot with what is desired, one for each slot. What
    /// is on its way out is none of them, though it may still answer requests.
    pub fn current(&self) -> impl Iterator<Item = &InstanceView> {
        self.by_slot().into_values()
    }

    fn by_slot(&self) -> BTreeMap<(&ProcessType, u32), &InstanceView> {
        let mut found: BTreeMap<_, &InstanceView> = BTreeMap::new();
        for instance in self.instances.iter().filter(|instance| self.fits(instance)) {
            let slot = (&instance.id.process_type, instance.id.index);
            let older = found.get(&slot).is_some_and(|other| other.id.keeper < instance.id.keeper);
            if !older {
                found.insert(slot, instance);
            }
        }
        found
    }

    fn fits(&self, instance: &InstanceView) -> bool {
        let wanted = self.desired.types.get(&instance.id.process_type);
        wanted.is_some_and(|wanted| wanted.indexes.contains(&instance.id.index))
            && Some(instance.release) == self.desired.release
            && !self.desired.replace.contains(&instance.id.keeper)
            && instance.state != State::Stopping
    }

    /// Every wanted slot of the chosen kind has a ready instance.
    pub fn all_ready(&self, routed: bool) -> bool {
        let found = self.by_slot();
        let ready = |slot: &(&ProcessType, u32)| {
            found.get(slot).is_some_and(|instance| instance.state == State::Ready)
        };
        let wanted = self.desired.types.iter().filter(|(_, wanted)| wanted.routed == routed);
        let mut slots = wanted.flat_map(|(process_type, wanted)| {
            wanted.indexes.iter().map(move |index| (process_type, *index))
        });
        slots.all(|slot| ready(&slot))
    }

    /// The first reason why what is desired does not come up.
    pub fn failure(&self) -> Option<&Failure> {
        let crashed = self.current().find_map(|instance| instance.failure.as_ref());
        crashed.or_else(|| self.start_failures.values().next().map(|not| &not.failure))
    }
}
