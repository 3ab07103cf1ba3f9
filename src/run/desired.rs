//! What should run, from what people have said: a formation, stops, restarts.

use super::plan::{Desired, Wanted};
use super::runnable::Runnable;
use crate::app::{Formation, InstanceId, ProcessType, ReleaseNumber, Settings};
use crate::store::Scope;
use std::collections::{BTreeMap, BTreeSet};

/// What a deploy was told besides its release.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Orders {
    pub formation: Formation,
    pub stopped: BTreeSet<Scope>,
    /// Per scope, the lowest keeper number that needs no replacement.
    pub restarts: BTreeMap<Scope, u64>,
}

/// `web` runs once unless told otherwise; another type not at all.
pub fn count(formation: &Formation, process_type: &ProcessType) -> u32 {
    let default = u32::from(*process_type == ProcessType::web());
    formation.0.get(process_type).copied().unwrap_or(default)
}

/// The desired state of a release under these orders.
pub fn desired(runnable: &Runnable, orders: &Orders) -> Desired {
    desired_of(runnable.release, &runnable.commands, &runnable.manifests.settings, orders)
}

/// The same for a release that may not be there yet.
pub fn desired_of(
    release: ReleaseNumber,
    commands: &BTreeMap<ProcessType, String>,
    settings: &Settings,
    orders: &Orders,
) -> Desired {
    let types = commands.keys().filter(|t| **t != ProcessType::release());
    Desired {
        release: Some(release),
        types: types.map(|t| (t.clone(), wanted(settings, orders, t))).collect(),
        replace: BTreeSet::new(),
        hold: false,
    }
}

fn wanted(settings: &Settings, orders: &Orders, process_type: &ProcessType) -> Wanted {
    let indexes = 1..=count(&orders.formation, process_type);
    Wanted {
        indexes: indexes.filter(|index| !is_stopped(orders, process_type, *index)).collect(),
        routed: *process_type == ProcessType::web(),
        singleton: settings.process.get(process_type).is_some_and(|of| of.singleton),
    }
}

fn is_stopped(orders: &Orders, process_type: &ProcessType, index: u32) -> bool {
    orders.stopped.iter().any(|scope| scope.contains(process_type, index))
}

/// Whether a restart asks for this instance to be replaced.
pub fn is_to_replace(orders: &Orders, id: &InstanceId) -> bool {
    let mut scopes = orders.restarts.iter();
    scopes.any(|(scope, young)| scope.contains(&id.process_type, id.index) && id.keeper < *young)
}
