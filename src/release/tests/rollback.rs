//! Going back, exactly, or not at all.

use super::*;
use proptest::prelude::*;

#[test]
fn a_rollback_restores_code_commands_and_config_and_says_what_moved_below() {
    let bench = bench();
    let first = bench.cut_active("one", &[("A", "1")]);
    bench.cut_active("two", &[("A", "2"), ("B", "3")]);
    let wish = Rollback { stack: host("libc6 2.36-9,python3.11 deb12u4"), ..bench.wish(1) };
    let back = rollback(&bench.ledger, &bench.key, &wish).unwrap();
    assert_eq!(back.below, ["libc6 (none) → 2.36-9", "python3.11 deb12u3 → deb12u4"]);
    assert_eq!(back.release.number, ReleaseNumber(3));
    assert_eq!(back.release.manifests, first.manifests);
    assert_eq!(back.release.reason.to_string(), "rollback to v1");
    assert!(differences(&bench.key, &first, &back.release).unwrap().is_empty());
    assert!(bench.verdict().is_intact());
}

#[test]
fn a_rollback_to_what_is_absent_failed_pending_unbuilt_or_current_is_refused() {
    let bench = bench();
    bench.cut_active("", &[("A", "1")]);
    bench.cut_active("one", &[]);
    bench.cut("two", &[]);
    bench.fail(ReleaseNumber(3), "boot: exit 1");
    bench.cut_active("four", &[]);
    bench.cut("five", &[]);
    let table = [
        (9, "there is no such release; the releases are v1 to v5"),
        (3, "it failed: boot: exit 1"),
        (5, "it was never active"),
        (1, "it holds config only and was never built"),
        (4, "it is the current release"),
    ];
    for (to, why) in table {
        let failure = bench.rollback(to).unwrap_err();
        let message = format!("cannot roll shop/production back to v{to}: {why}");
        assert_eq!(failure.message, message);
        assert_eq!(failure.exit_code(), 2);
        assert!(failure.next.is_some());
    }
    assert_eq!(bench.list().len(), 5, "a refused rollback cut a release");
}

#[test]
fn without_a_number_the_last_good_release_is_meant_and_twice_goes_back_twice() {
    let bench = bench();
    let last_good = |number| {
        let found = last_good_before(&bench.ledger, &bench.deploy, ReleaseNumber(number));
        found.unwrap().map(|number| number.0)
    };
    bench.cut_active("", &[("A", "1")]);
    bench.cut_active("one", &[]);
    assert_eq!(last_good(2), None, "config alone is nothing to go back to");
    bench.cut_active("two", &[]);
    bench.cut("three", &[]);
    bench.fail(ReleaseNumber(4), "no");
    bench.cut_active("four", &[]);
    assert_eq!(last_good(5), Some(3));
    let back = bench.rollback(3).unwrap().release;
    activate(&bench.ledger, &bench.key, &bench.deploy, back.number, at(4)).unwrap();
    assert_eq!(last_good(6), Some(2));
    bench.cut_active("seven", &[]);
    assert_eq!(last_good(7), Some(6));
}

#[test]
fn other_attachments_than_then_refuse_a_rollback() {
    let bench = bench();
    bench.cut_active("one", &[]);
    let mut new = bench.new_release("two", config(&[]));
    new.attachments = vec![Attachment {
        name: "DATABASE_URL".parse().unwrap(),
        resource: "shop-db".to_string(),
        generation: 1,
    }];
    let release = cut(&bench.ledger, &bench.key, &new).unwrap();
    activate(&bench.ledger, &bench.key, &bench.deploy, release.number, at(2)).unwrap();
    let failure = bench.rollback(1).unwrap_err();
    assert!(failure.message.ends_with("other resources were attached then"), "{failure}");
}

/// What someone does to a deploy.
#[derive(Debug, Clone)]
enum Step {
    Deploy,
    Set(u8, String),
    Unset(u8),
    Rollback(u8),
    Fail,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        Just(Step::Deploy),
        (0..5u8, "\\PC{0,12}").prop_map(|(name, value)| Step::Set(name, value)),
        (0..5u8).prop_map(Step::Unset),
        any::<u8>().prop_map(Step::Rollback),
        Just(Step::Fail),
    ]
}

type Model = BTreeMap<String, String>;

fn as_model(config: &ConfigSnapshot) -> Model {
    let plain =
        |(name, value): (&ConfigKey, &Secret<String>)| (name.to_string(), value.reveal().clone());
    config.0.iter().map(plain).collect()
}

/// What the config of every release should be, by doing the steps to plain maps as well.
fn walk(bench: &Bench, steps: Vec<Step>) {
    let mut models: Vec<Model> = Vec::new();
    let mut current: Option<usize> = None;
    for step in steps {
        let mut config = current.map(|at| models[at].clone()).unwrap_or_default();
        let build = current.map_or("first".to_string(), |at| format!("b{at}"));
        let mut fails = false;
        match step {
            Step::Rollback(pick) => {
                let Some(count) = std::num::NonZeroUsize::new(models.len()) else { continue };
                let target = usize::from(pick) % count;
                let Ok(back) = bench.rollback(target as u64 + 1) else { continue };
                assert_eq!(
                    as_model(&back.release.open_config(&bench.key).unwrap()),
                    models[target]
                );
                models.push(models[target].clone());
                bench.activate(back.release.number);
                current = Some(models.len() - 1);
                continue;
            }
            Step::Set(name, value) => drop(config.insert(format!("NAME_{name}"), value)),
            Step::Unset(name) => drop(config.remove(&format!("NAME_{name}"))),
            Step::Deploy => {}
            Step::Fail => fails = true,
        }
        let pairs: Vec<(&str, &str)> =
            config.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let release = bench.cut(&build, &pairs);
        models.push(config);
        if fails {
            bench.fail(release.number, "it did not boot");
        } else {
            bench.activate(release.number);
            current = Some(models.len() - 1);
        }
    }
    let releases = bench.list();
    assert_eq!(releases.len(), models.len());
    for (release, model) in releases.iter().zip(&models) {
        assert_eq!(&as_model(&release.open_config(&bench.key).unwrap()), model);
    }
    assert_eq!(bench.current().map(|release| release.number.0 as usize - 1), current);
    assert!(bench.verdict().is_intact(), "{:?}", bench.verdict());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn whatever_is_done_to_a_deploy_its_history_verifies_and_holds_what_was_set(
        steps in proptest::collection::vec(step(), 1..16),
    ) {
        walk(&bench(), steps);
    }
}
