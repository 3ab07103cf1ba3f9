//! The plan of one deploy with very many instances.

use super::{Rows, best_cpu, heading, resident};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use xii::app::{InstanceId, ProcessType, ReleaseNumber};
use xii::run::{Desired, Observed, Seen, State, Wanted, plan};

fn desired(release: u64, n: usize) -> Desired {
    let wanted = Wanted { indexes: (1..=n as u32).collect(), routed: true, singleton: false };
    Desired {
        release: Some(ReleaseNumber(release)),
        types: BTreeMap::from([(ProcessType::web(), wanted)]),
        ..Desired::default()
    }
}

fn ready(release: u64, n: usize, first_keeper: u64) -> Vec<Seen> {
    let seen = |index: u32| {
        let keeper = first_keeper + u64::from(index);
        let id = InstanceId { process_type: ProcessType::web(), index, keeper };
        let state = State::Ready;
        Seen { id, release: ReleaseNumber(release), state, drained: false }
    };
    (1..=n as u32).map(seen).collect()
}

#[test]
#[ignore = "a figure, not a test: `just bench-scale`"]
fn the_plan_of_ten_thousand_instances() {
    heading();
    let mut all = [
        Rows::of("`run::plan`: start n"),
        Rows::of("`run::plan`: n run, nothing to do"),
        Rows::of("`run::plan`: switch n to a new release"),
    ];
    for n in [100, 1_000, 10_000] {
        let before = resident();
        let (old, new) = (ready(1, n, 0), ready(2, n, n as u64));
        let table: BTreeSet<u64> = old.iter().map(|seen| seen.id.keeper).collect();
        let both = old.iter().cloned().chain(new).collect();
        let settled = Observed { instances: old, table: table.clone(), ..Observed::default() };
        let switching = Observed { instances: both, table, ..Observed::default() };
        let cases = [(1, Observed::default(), n), (1, settled, 0), (2, switching, 1)];
        for ((release, observed, actions), rows) in cases.into_iter().zip(&mut all) {
            let desired = desired(release, n);
            let took = best_cpu(|| {
                assert_eq!(plan(&desired, &observed, Timestamp::UNIX_EPOCH).len(), actions);
            });
            rows.add(n, took, &format!("{:.1} MB", resident() - before));
        }
    }
}
