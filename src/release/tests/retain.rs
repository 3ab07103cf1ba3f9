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

fn history(current: Option<u64>, builds: impl Iterator<Item = String>) -> History {
    let digest = |name: String| Some(Digest::of(name.as_bytes()));
    let builds = builds.zip(1..).map(|(name, number)| (ReleaseNumber(number), digest(name)));
    History { current: current.map(ReleaseNumber), builds: builds.collect() }
}

#[test]
fn the_last_twenty_releases_and_the_current_running_and_pinned_builds_stay() {
    let names = || (0..30).map(|n| format!("b{n}"));
    let mut builds: Vec<BuildRecord> = names().map(|name| build(&name, 0)).collect();
    builds[5].pinned = true;
    builds[6].pruned_at = Some(at(1));
    let running = BTreeSet::from([builds[7].digest]);
    let gone = prunable(&builds, &[history(Some(1), names())], &running, at(100_000));
    let expected: Vec<Digest> = [1, 2, 3, 4, 8, 9].map(|n: usize| builds[n].digest).to_vec();
    assert_eq!(gone, expected);
}

#[test]
fn what_one_deploy_lets_go_another_may_keep() {
    let builds = [build("old", 0)];
    let many = || std::iter::once("old".to_string()).chain((0..20).map(|n| format!("b{n}")));
    let none = BTreeSet::new();
    assert_eq!(prunable(&builds, &[history(None, many())], &none, at(100_000)), [builds[0].digest]);
    let other = history(None, std::iter::once("old".to_string()));
    assert!(prunable(&builds, &[history(None, many()), other], &none, at(100_000)).is_empty());
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
