use super::{at, block, ledger, with_deploy};
use crate::app::{DeployRef, Digest, Failure, ProcessType, ReleaseNumber};
use crate::store::{
    BuildRecord, Finished, NewOneOff, NewOperation, OneOffKind, OneOffState, OperationState, Scope,
};
use std::collections::{BTreeMap, BTreeSet};

fn name(text: &str) -> ProcessType {
    text.parse().unwrap()
}

#[test]
fn a_user_id_is_never_given_out_twice_even_after_destroy() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, deploy) = with_deploy(&dir);
    let first = ledger.expect_deploy(&deploy).unwrap();
    ledger.destroy_deploy(&deploy, at(1)).unwrap();
    assert_eq!(ledger.deploy(&deploy).unwrap(), None);
    let second = ledger.create_deploy(&deploy, &block(), at(2)).unwrap();
    assert_ne!(first.uid, second.uid);
    assert_ne!(first.id, second.id);
    let router = ledger.uid_for("router", &block()).unwrap();
    assert_eq!(ledger.uid_for("router", &block()).unwrap(), router);
    let failure = ledger.uid_for("resource", &block()).unwrap_err();
    assert_eq!(failure.message, "all 3 user ids of this home are used up");
}

#[test]
fn a_name_that_is_taken_or_unknown_says_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, deploy) = with_deploy(&dir);
    assert!(ledger.create_app(&deploy.app, &[], "", at(1)).is_err());
    assert!(ledger.create_deploy(&deploy, &block(), at(1)).is_err());
    let ghost: DeployRef = "shop/ghost".parse().unwrap();
    let failure = ledger.formation(&ghost).unwrap_err();
    assert_eq!(failure.message, "there is no deploy shop/ghost");
    assert!(failure.next.is_some_and(|next| next.contains("xii create shop -d ghost")));
    for (slip, meant) in [("shop/prodution", "shop/production"), ("shpo", "shop/production")] {
        let failure = ledger.expect_deploy(&slip.parse().unwrap()).unwrap_err();
        let next = failure.next.unwrap();
        assert!(next.starts_with(&format!("did you mean {meant}? ")), "{next}");
    }
    let failure = ledger.bind_app(&"shp".parse().unwrap(), &[], "").unwrap_err();
    assert!(failure.next.is_some_and(|next| next.starts_with("did you mean shop? ")));
    let failure = ledger.destroy_app(&deploy.app, at(1)).unwrap_err();
    assert!(failure.next.is_some_and(|next| next.contains("xii destroy -a shop -d production")));
    ledger.destroy_deploy(&deploy, at(1)).unwrap();
    ledger.destroy_app(&deploy.app, at(2)).unwrap();
    ledger.create_app(&deploy.app, &[], "", at(3)).unwrap();
}

#[test]
fn an_app_and_its_first_deploy_are_made_together_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = super::ledger(&dir);
    let deploys = ["one/production", "two/production", "three/production", "four/production"];
    for deploy in deploys.map(|name| name.parse::<DeployRef>().unwrap()) {
        // The block has three user ids.
        let made = ledger.create_with_app(&deploy, &block(), at(0)).is_ok();
        assert_eq!(ledger.app(&deploy.app).unwrap().is_some(), made);
        assert_eq!(ledger.deploy(&deploy).unwrap().is_some(), made);
    }
    assert_eq!(ledger.deploys().unwrap().len(), 3);
    let staging: DeployRef = "one/staging".parse().unwrap();
    assert!(ledger.create_with_app(&staging, &block(), at(0)).is_err());
}

#[test]
fn an_app_and_its_deploys_are_destroyed_together_or_not_at_all() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, deploy) = with_deploy(&dir);
    let staging: DeployRef = "shop/staging".parse().unwrap();
    ledger.create_deploy(&staging, &block(), at(0)).unwrap();
    // A deploy would be left.
    assert!(ledger.destroy(std::slice::from_ref(&deploy), Some(&deploy.app), at(1)).is_err());
    assert_eq!(ledger.deploys().unwrap().len(), 2);
    ledger.destroy(&[deploy.clone(), staging], Some(&deploy.app), at(1)).unwrap();
    assert!(ledger.deploys().unwrap().is_empty() && ledger.apps().unwrap().is_empty());
}

#[test]
fn an_app_is_found_by_any_of_its_root_commits() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, deploy) = with_deploy(&dir);
    let roots = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
    ledger.bind_app(&deploy.app, &roots(&["b", "a"]), "api").unwrap();
    let found = |names: &[&str], subdir: &str| {
        ledger.apps_of_codebase(&roots(names), subdir).unwrap().len()
    };
    assert_eq!(ledger.app(&deploy.app).unwrap().unwrap().roots, ["a", "b"]);
    assert_eq!([found(&["a"], "api"), found(&["a"], ""), found(&["c"], "api")], [1, 0, 0]);
    assert_eq!(found(&[], "api"), 0);
}

#[test]
fn a_stop_holds_until_the_start_that_undoes_it() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, deploy) = with_deploy(&dir);
    let (web, one) = (Scope::Type(name("web")), Scope::Instance(name("web"), 1));
    ledger.stop(&deploy, &one).unwrap();
    ledger.stop(&deploy, &web).unwrap();
    ledger.stop(&deploy, &web).unwrap();
    assert_eq!(ledger.stopped(&deploy).unwrap(), BTreeSet::from([web.clone(), one.clone()]));
    let failure = ledger.start(&deploy, &one).unwrap_err();
    assert_eq!(failure.next.as_deref(), Some("xii start web"));
    ledger.start(&deploy, &web).unwrap();
    assert!(ledger.stopped(&deploy).unwrap().is_empty());
    ledger.stop(&deploy, &Scope::Deploy).unwrap();
    assert!(ledger.start(&deploy, &web).is_err());
    ledger.start(&deploy, &Scope::Deploy).unwrap();
    assert!(ledger.stopped(&deploy).unwrap().is_empty());
}

#[test]
fn a_restart_asks_for_keepers_younger_than_any_before_it() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, deploy) = with_deploy(&dir);
    let old = ledger.next_keeper().unwrap();
    let threshold = ledger.restart(&deploy, &Scope::Deploy).unwrap();
    assert!(old < threshold && threshold < ledger.next_keeper().unwrap());
    let web = Scope::Type(name("web"));
    let later = ledger.restart(&deploy, &web).unwrap();
    let expected = BTreeMap::from([(Scope::Deploy, threshold), (web, later)]);
    assert_eq!(ledger.restarts(&deploy).unwrap(), expected);
}

#[test]
fn scopes_print_as_they_parse() {
    for text in ["", "web", "web.1", "web.20"] {
        assert_eq!(text.parse::<Scope>().unwrap().to_string(), text);
    }
    for text in ["web.", "web.0", "web.x", "web.+1", "web.1.2", ".1", "we b"] {
        assert!(text.parse::<Scope>().is_err(), "{text:?} was accepted");
    }
}

#[test]
fn scaling_one_type_leaves_the_others() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, deploy) = with_deploy(&dir);
    ledger.scale(&deploy, &BTreeMap::from([(name("web"), 3), (name("worker"), 1)])).unwrap();
    ledger.scale(&deploy, &BTreeMap::from([(name("worker"), 0)])).unwrap();
    let expected = BTreeMap::from([(name("web"), 3), (name("worker"), 0)]);
    assert_eq!(ledger.formation(&deploy).unwrap(), expected);
}

#[test]
fn ports_in_use_stay_and_the_longest_rested_one_is_next() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = ledger(&dir);
    let take = |keeper, second| ledger.allocate_port(&block(), keeper, at(second), |_| true);
    let ports: Vec<u16> = (1..=3).map(|keeper| take(keeper, 0).unwrap().port).collect();
    assert_eq!(ports, [28_000, 28_001, 28_002]);
    let failure = take(4, 1).unwrap_err();
    assert_eq!(failure.message, "all 3 ports of this home are in use");
    ledger.free_port(2, at(10)).unwrap();
    ledger.free_port(1, at(20)).unwrap();
    let lease = take(5, 30).unwrap();
    assert_eq!((lease.port, lease.rested), (28_001, false));
    let lease = take(6, 20 + 600).unwrap();
    assert_eq!((lease.port, lease.rested), (28_000, true));
    assert_eq!(ledger.ports().unwrap().len(), 3);
}

#[test]
fn a_port_a_stranger_listens_on_is_passed_over() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = ledger(&dir);
    let lease = ledger.allocate_port(&block(), 1, at(0), |port| port != 28_000).unwrap();
    assert_eq!(lease.port, 28_001);
}

fn build(digest: &str, second: i64) -> BuildRecord {
    BuildRecord {
        digest: Digest::of(digest.as_bytes()),
        app: "shop".parse().unwrap(),
        plan: "{}".into(),
        stack: "host".into(),
        commit: "c".into(),
        size: 7,
        created_at: at(second),
        pruned_at: None,
        pinned: false,
    }
}

#[test]
fn a_pruned_build_is_not_found_by_its_key_until_it_is_built_again() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = ledger(&dir);
    let (one, two) = (Digest::of(b"key one"), Digest::of(b"key two"));
    let record = build("result", 1);
    ledger.record_build(&one, &record).unwrap();
    ledger.record_build(&two, &record).unwrap();
    assert_eq!(ledger.build_by_key(&one).unwrap(), Some(record.clone()));
    ledger.mark_pruned(&record.digest, at(2)).unwrap();
    assert_eq!(ledger.build_by_key(&two).unwrap(), None);
    assert!(ledger.build(&record.digest).unwrap().unwrap().pruned_at.is_some());
    ledger.record_build(&one, &record).unwrap();
    assert_eq!(ledger.build_by_key(&two).unwrap(), Some(record));
}

#[test]
fn operations_end_once_and_those_of_a_dead_server_are_interrupted() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, deploy) = with_deploy(&dir);
    let new = NewOperation { deploy: Some(&deploy), kind: "deploy", by: "ann", at: at(1) };
    let (done, left) =
        (ledger.begin_operation(&new).unwrap(), ledger.begin_operation(&new).unwrap());
    let end = Finished {
        state: OperationState::Failed,
        failure: Some(Failure::app("it crashed")),
        receipt: Some(serde_json::json!({ "failed": 0 })),
        events: Some(serde_json::json!([1, 2])),
        at: at(2),
    };
    ledger.finish_operation(done, &end).unwrap();
    assert!(ledger.finish_operation(done, &end).is_err());
    let read = ledger.operation(done).unwrap().unwrap();
    assert_eq!((read.state, read.failure), (end.state, end.failure));
    assert_eq!(ledger.operation_events(done).unwrap(), end.events);
    let interrupted = ledger.interrupt_operations(at(3)).unwrap();
    assert_eq!(interrupted.iter().map(|operation| operation.id).collect::<Vec<_>>(), [left]);
    assert_eq!(ledger.operation(left).unwrap().unwrap().state, OperationState::Interrupted);
    assert_eq!(ledger.operations(Some(&deploy), 1).unwrap()[0].id, left);
}

#[test]
fn a_deploy_runs_its_postdeploy_once() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, deploy) = with_deploy(&dir);
    let once = |keeper| NewOneOff {
        deploy: &deploy,
        release: ReleaseNumber(1),
        kind: OneOffKind::Postdeploy,
        command: &[],
        keeper,
        at: at(1),
    };
    let first = ledger.begin_one_off(&once(1)).unwrap();
    assert!(ledger.begin_one_off(&once(2)).unwrap_err().message.contains("has run before"));
    ledger.finish_one_off(first, OneOffState::Unknown, at(2)).unwrap();
    assert!(ledger.begin_one_off(&once(3)).is_err(), "an end that nobody saw counts");
    assert_eq!(ledger.one_offs(&deploy, 9).unwrap()[0].kind, OneOffKind::Postdeploy);
}

#[test]
fn a_deploy_runs_one_release_phase_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, deploy) = with_deploy(&dir);
    let command = ["sh".to_string(), "-c".to_string(), "migrate".to_string()];
    let phase = |kind, keeper| NewOneOff {
        deploy: &deploy,
        release: ReleaseNumber(1),
        kind,
        command: &command,
        keeper,
        at: at(1),
    };
    let first = ledger.begin_one_off(&phase(OneOffKind::Release, 1)).unwrap();
    let failure = ledger.begin_one_off(&phase(OneOffKind::Release, 2)).unwrap_err();
    assert!(failure.message.contains("release phase of shop/production v1 is still running"));
    ledger.begin_one_off(&phase(OneOffKind::Run, 3)).unwrap();
    assert_eq!(ledger.running_one_offs().unwrap().len(), 2);
    ledger.finish_one_off(first, OneOffState::Unknown, at(2)).unwrap();
    assert!(ledger.finish_one_off(first, OneOffState::Exited(0), at(3)).is_err());
    ledger.begin_one_off(&phase(OneOffKind::Release, 4)).unwrap();
    let states: Vec<_> = ledger.one_offs(&deploy, 9).unwrap().iter().map(|o| o.state).collect();
    assert_eq!(states, [OneOffState::Running, OneOffState::Running, OneOffState::Unknown]);
}
