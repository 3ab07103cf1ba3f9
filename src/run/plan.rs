//! What to start, route and stop next. A pure function over plain data: the same desired
//! and observed state always give the same actions, and none once they agree.

use crate::app::{InstanceId, ProcessType, ReleaseNumber};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// What should run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Desired {
    /// `None`: nothing runs.
    pub release: Option<ReleaseNumber>,
    pub types: BTreeMap<ProcessType, Wanted>,
    /// Keepers that a restart replaces although their release is the right one.
    pub replace: BTreeSet<u64>,
    /// A change is being watched: replaced routed instances stay alive, so that the table
    /// can be switched back in one write.
    pub hold: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wanted {
    pub indexes: BTreeSet<u32>,
    pub routed: bool,
    /// Never two at once: the old one stops before the new one starts.
    pub singleton: bool,
}

/// What runs, as far as is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observed {
    pub instances: Vec<Seen>,
    /// The table the routers have acknowledged.
    pub table: BTreeSet<u64>,
    /// Slots whose start failed, and when to try again.
    pub retry_at: BTreeMap<Slot, Timestamp>,
    /// How many more may boot now; `None`: any number.
    pub places: Option<usize>,
}

/// One place in a formation: `web`, 1.
pub type Slot = (ProcessType, u32);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    pub id: InstanceId,
    pub release: ReleaseNumber,
    pub state: State,
    /// Out of the table with nothing in flight, or for longer than the drain window; true
    /// for what was never routed.
    pub drained: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    Starting,
    Ready,
    /// Its keeper will start it again.
    Crashed,
    Stopping,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    Start {
        process_type: ProcessType,
        index: u32,
        release: ReleaseNumber,
    },
    /// The whole table of this deploy, by keeper.
    Route(BTreeSet<u64>),
    Stop(InstanceId),
}

/// The next actions; empty when nothing is to be done until something is observed.
#[must_use]
pub fn plan(desired: &Desired, observed: &Observed, now: Timestamp) -> Vec<Action> {
    let view = View::of(desired, observed);
    let table = view.table();
    let mut actions = Vec::new();
    if table != observed.table {
        actions.push(Action::Route(table.clone()));
    }
    let idle = observed.instances.iter().filter(|seen| !table.contains(&seen.id.keeper));
    actions.extend(idle.filter(|seen| view.must_stop(seen)).map(stop));
    actions.extend(view.starts(now));
    actions
}

fn stop(seen: &Seen) -> Action {
    Action::Stop(seen.id.clone())
}

/// Everything is looked up in it, never searched for: a plan takes a time that grows with the
/// number of instances, not with its square.
struct View<'a> {
    desired: &'a Desired,
    observed: &'a Observed,
    /// The instances that fill a slot as desired.
    current: BTreeMap<(&'a ProcessType, u32), &'a Seen>,
    /// The slots of everything that runs, as desired or not.
    taken: BTreeSet<(&'a ProcessType, u32)>,
    /// Every routed slot has a ready instance: requests may go to the desired release alone.
    switched: bool,
}

impl<'a> View<'a> {
    fn of(desired: &'a Desired, observed: &'a Observed) -> Self {
        let (current, taken) = (BTreeMap::new(), BTreeSet::new());
        let mut view = View { desired, observed, current, taken, switched: false };
        for seen in &observed.instances {
            let slot = (&seen.id.process_type, seen.id.index);
            view.taken.insert(slot);
            // Of two, the one with the lower keeper.
            let older = view.current.get(&slot).is_some_and(|o| o.id.keeper <= seen.id.keeper);
            if view.fits(seen) && !older {
                view.current.insert(slot, seen);
            }
        }
        let ready = |slot: &Slot| view.current(slot).is_some_and(|s| s.state == State::Ready);
        let switched = view.slots(true).all(|(slot, _)| ready(&slot));
        View { switched, ..view }
    }

    /// The wanted slots of one kind, in order.
    fn slots(&self, routed: bool) -> impl Iterator<Item = (Slot, &'a Wanted)> {
        let desired = self.desired;
        desired
            .types
            .iter()
            .filter(move |(_, wanted)| wanted.routed == routed && desired.release.is_some())
            .flat_map(|(process_type, wanted)| {
                wanted.indexes.iter().map(move |i| ((process_type.clone(), *i), wanted))
            })
    }

    fn current(&self, (process_type, index): &Slot) -> Option<&'a Seen> {
        self.current.get(&(process_type, *index)).copied()
    }

    fn fits(&self, seen: &Seen) -> bool {
        seen.state != State::Stopping
            && Some(seen.release) == self.desired.release
            && !self.desired.replace.contains(&seen.id.keeper)
    }

    fn is_current(&self, seen: &Seen) -> bool {
        let wanted = self.desired.types.get(&seen.id.process_type);
        wanted.is_some_and(|wanted| wanted.indexes.contains(&seen.id.index))
            && self
                .current
                .get(&(&seen.id.process_type, seen.id.index))
                .is_some_and(|current| current.id == seen.id)
    }

    fn is_routed(&self, seen: &Seen) -> bool {
        let wanted = self.desired.types.get(&seen.id.process_type);
        wanted.map_or(seen.id.process_type == ProcessType::web(), |wanted| wanted.routed)
    }

    fn is_singleton(&self, seen: &Seen) -> bool {
        self.desired.types.get(&seen.id.process_type).is_some_and(|wanted| wanted.singleton)
    }

    /// Who gets requests: after the switch the current instances; before it those that are
    /// being replaced and the current ones that serve beside them already (a restart of
    /// `web.1` of three). Where there is neither, whoever is still there from a scale-down.
    fn table(&self) -> BTreeSet<u64> {
        let able = || {
            let instances = self.observed.instances.iter();
            instances.filter(|seen| seen.state == State::Ready && self.is_routed(seen))
        };
        let current: BTreeSet<u64> = able().filter(|s| self.is_current(s)).map(keeper).collect();
        let replaced: BTreeSet<u64> = able().filter(|s| self.is_replaced(s)).map(keeper).collect();
        if self.switched {
            current
        } else if !replaced.is_empty() {
            current.intersection(&self.observed.table).copied().chain(replaced).collect()
        } else if !current.is_empty() {
            current
        } else {
            able().filter(|seen| self.is_superfluous(seen)).map(keeper).collect()
        }
    }

    /// To go, but able to serve until its replacement is ready.
    fn is_replaced(&self, seen: &Seen) -> bool {
        self.desired.release.is_some()
            && !self.is_current(seen)
            && !self.is_failed_candidate(seen)
            && !self.is_superfluous(seen)
            && !self.is_singleton(seen)
    }

    /// An instance newer than what is desired: its change was taken back.
    fn is_failed_candidate(&self, seen: &Seen) -> bool {
        self.desired.release.is_some_and(|desired| seen.release > desired)
    }

    /// Of the desired release, but of a slot nobody wants.
    fn is_superfluous(&self, seen: &Seen) -> bool {
        Some(seen.release) == self.desired.release
            && !self.desired.replace.contains(&seen.id.keeper)
    }

    fn must_stop(&self, seen: &Seen) -> bool {
        let serves = self.observed.table.contains(&seen.id.keeper) || !seen.drained;
        if seen.state == State::Stopping || self.is_current(seen) || serves {
            return false;
        }
        let replaces_nobody = self.is_failed_candidate(seen) || self.is_superfluous(seen);
        let held = self.desired.hold && self.is_routed(seen);
        replaces_nobody || self.is_singleton(seen) || (self.switched && !held)
    }

    fn starts(&self, now: Timestamp) -> Vec<Action> {
        let Some(release) = self.desired.release else { return Vec::new() };
        let unrouted = self.slots(false).filter(|_| self.switched);
        let places = self.observed.places.unwrap_or(usize::MAX);
        let may_start = |(slot, wanted): &(Slot, &Wanted)| self.may_start(slot, wanted, now);
        // Only of a routed instance is it known when its boot has ended.
        let routed = self.slots(true).filter(may_start).take(places);
        routed
            .chain(unrouted.filter(may_start))
            .map(|((process_type, index), _)| Action::Start { process_type, index, release })
            .collect()
    }

    fn may_start(&self, slot: &Slot, wanted: &Wanted, now: Timestamp) -> bool {
        let waiting = self.observed.retry_at.get(slot).is_some_and(|at| *at > now);
        let blocked = wanted.singleton && self.taken.contains(&(&slot.0, slot.1));
        self.current(slot).is_none() && !waiting && !blocked
    }
}

fn keeper(seen: &Seen) -> u64 {
    seen.id.keeper
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
