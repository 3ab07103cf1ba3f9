//! Which builds may go.

use super::*;
use crate::store::BuildRecord;
use std::collections::BTreeSet;

fn build(name: &str, second: i64) -> BuildRecord {
    BuildRecord {
        digest: Digest::of(name.as_bytes()),
        app: "shop".parse().unwrap(),
        plan: String::new(),
        stack: "host".to_string(),
        commit: String::new(),
        size: 1,
        created_at: at(second),
        pruned_at: None,
        pinned: false,
    }
}

#[test]
fn the_last_twenty_releases_and_the_current_running_and_pinned_builds_stay() {
    let bench = bench();
    let mut releases = vec![bench.cut_active("b0", &[])];
    let mut builds = vec![build("b0", 0)];
    for n in 1..30 {
        let name = format!("b{n}");
        releases.push(bench.cut(&name, &[]));
        builds.push(build(&name, 0));
    }
    builds[5].pinned = true;
    builds[6].pruned_at = Some(at(1));
    let running = BTreeSet::from([builds[7].digest]);
    let deploys = [(Some(ReleaseNumber(1)), releases)];
    let gone = prunable(&builds, &deploys, &running, at(10));
    let expected: Vec<Digest> = [1, 2, 3, 4, 8, 9].map(|n: usize| builds[n].digest).to_vec();
    assert_eq!(gone, expected);
}

#[test]
fn twenty_changes_of_config_do_not_cost_the_build_they_share() {
    let bench = bench();
    bench.cut_active("old", &[]);
    for _ in 0..25 {
        bench.cut("new", &[]);
    }
    let builds = [build("old", 0), build("new", 0)];
    let gone = prunable(&builds, &[(None, bench.list())], &BTreeSet::new(), at(10));
    assert_eq!(gone, [builds[0].digest]);
}

#[test]
fn a_build_on_its_way_into_a_release_stays_for_a_day() {
    let builds = [build("fresh", 0)];
    let prune = |second| prunable(&builds, &[], &BTreeSet::new(), at(second));
    assert!(prune(86_399).is_empty());
    assert_eq!(prune(86_400), [builds[0].digest]);
}

#[test]
fn a_destroyed_deploy_keeps_no_builds() {
    let bench = bench();
    bench.cut_active("one", &[]);
    bench.ledger.record_build(&Digest::of(b"key"), &build("one", 0)).unwrap();
    let prune = || to_prune(&bench.ledger, &BTreeSet::new(), at(100_000)).unwrap();
    assert!(prune().is_empty());
    bench.ledger.destroy_deploy(&bench.deploy, at(9)).unwrap();
    assert_eq!(prune(), [Digest::of(b"one")]);
}
