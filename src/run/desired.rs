//! What should run, from what people have said: a formation, stops, restarts.

use super::plan::{Desired, Wanted};
use super::runnable::Runnable;
use crate::app::{Formation, ProcessType};
use std::collections::{BTreeMap, BTreeSet};

/// What a deploy was told besides its release. A scope is `""` (all of it), `web` or `web.1`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Orders {
    pub formation: Formation,
    pub stopped: BTreeSet<String>,
}

/// `web` runs once unless told otherwise; another type not at all.
pub fn count(formation: &Formation, process_type: &ProcessType) -> u32 {
    let default = u32::from(*process_type == ProcessType::web());
    formation.0.get(process_type).copied().unwrap_or(default)
}

/// The desired state of a release under these orders.
pub fn desired(runnable: &Runnable, orders: &Orders) -> Desired {
    let types = runnable.commands.keys().filter(|t| **t != ProcessType::release());
    Desired {
        release: Some(runnable.release),
        types: types.map(|t| (t.clone(), wanted(runnable, orders, t))).collect::<BTreeMap<_, _>>(),
        replace: BTreeSet::new(),
        hold: false,
    }
}

fn wanted(runnable: &Runnable, orders: &Orders, process_type: &ProcessType) -> Wanted {
    let indexes = 1..=count(&orders.formation, process_type);
    Wanted {
        indexes: indexes.filter(|index| !is_stopped(orders, process_type, *index)).collect(),
        routed: *process_type == ProcessType::web(),
        singleton: runnable.settings(process_type).singleton,
    }
}

fn is_stopped(orders: &Orders, process_type: &ProcessType, index: u32) -> bool {
    let scopes = [String::new(), process_type.to_string(), format!("{process_type}.{index}")];
    scopes.iter().any(|scope| orders.stopped.contains(scope))
}
