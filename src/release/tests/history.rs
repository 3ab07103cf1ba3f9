//! Cutting, finding, failing, comparing.

use super::*;
use crate::config::{Change, ConfigDiff};

#[test]
fn a_release_is_read_back_as_it_was_cut_and_its_config_opens() {
    let bench = bench();
    let pairs = [("A", "line\n'quoted' \"x\"")];
    let first = bench.cut_active("one", &pairs);
    assert_eq!(first.number, ReleaseNumber(1));
    let read = get(&bench.ledger, &bench.key, &bench.deploy, first.number).unwrap().unwrap();
    assert_eq!(read, first);
    assert_eq!(read.open_config(&bench.key).unwrap(), config(&pairs));
    assert_eq!(bench.current(), Some(first));
    assert!(bench.verdict().is_intact(), "{:?}", bench.verdict());
}

#[test]
fn a_pending_release_serves_nobody_and_a_failed_one_leaves_the_old_one_current() {
    let bench = bench();
    let first = bench.cut_active("one", &[]);
    let second = bench.cut("two", &[]);
    assert_eq!(second.status, Status::Pending);
    assert_eq!(bench.current(), Some(first.clone()));
    let failed = bench.fail(second.number, "release phase: exit 1");
    assert_eq!(failed.status, Status::Failed { why: "release phase: exit 1".to_string() });
    assert_eq!(bench.current(), Some(first));
    assert_eq!(bench.cut("three", &[]).number, ReleaseNumber(3));
    assert!(bench.verdict().is_intact());
}

#[test]
fn when_the_current_release_fails_the_one_before_it_serves_again() {
    let bench = bench();
    let first = bench.cut_active("one", &[]);
    bench.cut_active("two", &[]);
    bench.fail(ReleaseNumber(2), "more 5xx than before");
    assert_eq!(bench.current(), Some(first));
    bench.fail(ReleaseNumber(1), "gone");
    assert_eq!(bench.current(), None);
    assert!(bench.verdict().is_intact());
}

#[test]
fn only_a_pending_release_becomes_current() {
    let bench = bench();
    bench.cut_active("one", &[]);
    bench.cut_active("two", &[]);
    let activate =
        |number| activate(&bench.ledger, &bench.key, &bench.deploy, ReleaseNumber(number), at(9));
    assert!(activate(1).is_err(), "a superseded release came back");
    assert!(activate(7).is_err(), "an absent release became current");
    assert_eq!(activate(2).unwrap().status_at, at(2), "already current: nothing changes");
    bench.cut("three", &[]);
    bench.fail(ReleaseNumber(3), "no");
    assert!(activate(3).is_err(), "a failed release came back");
}

#[test]
fn standing_follows_from_the_current_release() {
    let bench = bench();
    bench.cut_active("one", &[]);
    bench.cut_active("two", &[]);
    bench.cut("three", &[]);
    bench.fail(ReleaseNumber(3), "no");
    bench.cut("four", &[]);
    let current = bench.ledger.expect_deploy(&bench.deploy).unwrap().current;
    let standing: Vec<Standing> =
        bench.list().iter().map(|release| release.standing(current)).collect();
    let expected = [Standing::Superseded, Standing::Current, Standing::Failed, Standing::Pending];
    assert_eq!(standing, expected);
    let recent = recent(&bench.ledger, &bench.deploy, 2).unwrap();
    assert_eq!(recent.iter().map(|release| release.number.0).collect::<Vec<_>>(), [3, 4]);
    let summary = recent[0].summary(current);
    assert_eq!((summary.standing, summary.failure.as_deref()), (Standing::Failed, Some("no")));
}

#[test]
fn a_deploy_made_again_under_an_old_name_has_a_history_of_its_own() {
    let bench = bench();
    let old = bench.cut_active("one", &[("A", "1")]);
    bench.ledger.destroy_deploy(&bench.deploy, at(5)).unwrap();
    bench.ledger.create_deploy(&bench.deploy, &block(), at(6)).unwrap();
    assert_eq!(bench.current(), None);
    let new = bench.cut_active("one", &[("A", "1")]);
    assert_eq!(new.number, ReleaseNumber(1));
    assert_ne!(new.previous, old.previous);
    assert!(bench.verdict().is_intact());
}

#[test]
fn a_diff_names_what_differs_and_shows_no_value() {
    let bench = bench();
    let old = bench.cut_active("one", &[("A", "s3cret"), ("B", "1")]);
    let mut new = bench.new_release("two", config(&[("A", "s3cret2"), ("C", "1")]));
    new.manifests.xii_toml = Some("[process.web]\nmemory = \"1 GB\"\n".to_string());
    let new = cut(&bench.ledger, &bench.key, &new).unwrap();
    let diff = diff(&old, &new);
    let name = |text: &str| text.parse().unwrap();
    let expected =
        ConfigDiff { added: vec![name("C")], removed: vec![name("B")], changed: vec![name("A")] };
    assert_eq!(diff.config, expected);
    assert_eq!(diff.build, Some((old.build, new.build)));
    assert_eq!(diff.commit.as_ref().unwrap().1.as_ref().unwrap().id, "c-two");
    assert_eq!(diff.stack, None);
    let setting = |name: &str, old: Option<&str>, new: &str| Setting {
        name: name.to_string(),
        old: old.map(str::to_string),
        new: Some(new.to_string()),
    };
    assert_eq!(diff.commands, [setting("web", Some("run one"), "run two")]);
    assert_eq!(diff.settings, [setting("xii.toml process.web.memory", None, "1 GB")]);
    assert!(!serde_json::to_string(&diff).unwrap().contains("s3cret"));
    assert!(super::diff(&old, &old).is_empty());
}

#[test]
fn config_set_makes_one_release_for_many_names_and_none_for_no_change() {
    let bench = bench();
    let change = |pairs: &[(&str, &str)]| Reconfigure {
        deploy: bench.deploy.clone(),
        change: Change { set: config(pairs).0.into_iter().collect(), unset: Vec::new() },
        stack: host("python3.11 deb12u3"),
        by: "ann".to_string(),
        at: at(4),
    };
    let new = reconfigure(&bench.key, None, &change(&[("A", "1")])).unwrap().unwrap();
    assert_eq!(new.build, None, "config before the first build starts nothing");
    let code = bench.cut_active("one", &[("A", "1")]);
    let same = reconfigure(&bench.key, Some(&code), &change(&[("A", "1")])).unwrap();
    assert!(same.is_none());
    let new =
        reconfigure(&bench.key, Some(&code), &change(&[("B", "2"), ("A", "0")])).unwrap().unwrap();
    let release = cut(&bench.ledger, &bench.key, &new).unwrap();
    assert_eq!(release.reason.to_string(), "config set A, B");
    assert_eq!((release.build, release.commit), (code.build, code.commit));
    assert_eq!(release.manifests, code.manifests);
}
