//! Whatever fails, the old release goes on serving, and the command says so with code 3.

use crate::world::{Checkout, World};

/// Every way a web process can fail at its boot, but the one that takes a minute to see.
const BAD: &[(&str, &str)] = &[
    ("web: echo no luck; exit 4\n", "web.1 crashed before it was ready: exit 4"),
    ("web: exit 0\n", "web.1 crashed before it was ready: exit 0"),
    ("web: kill -SEGV $$\n", "web.1 crashed before it was ready: signal 11"),
    ("web: exec ./not-there\n", "web.1 crashed before it was ready: exit 127"),
    ("web: python3 -u web.py & exit 0\n", "web.1 crashed before it was ready: exit 0"),
];

#[test]
fn a_release_that_does_not_come_up_leaves_the_old_one_serving() {
    let world = World::new();
    let app = world.deployed("shop");
    let pid = world.ps("shop")[0]["pid"].clone();
    for (index, (procfile, why)) in BAD.iter().enumerate() {
        app.commit(&[("Procfile", procfile)]);
        let _ = app.xii(&["deploy"]).refused(3, &[why, "v1 goes on serving"]);
        let number = format!("v{}", index + 2);
        let failed = app.json(&["releases", "info", &number]);
        assert_eq!((&failed["status"], &failed["current"]), (&"failed".into(), &false.into()));
        assert!(failed["why_failed"].as_str().unwrap().contains(why), "{failed}");
        assert_eq!(app.body("/"), "v1 web.1");
    }
    let instances = world.ps("shop");
    assert_eq!(instances.len(), 1, "nothing of the failed ones is left: {instances:?}");
    assert_eq!(instances[0]["pid"], pid, "the old one was not touched");
    assert!(world.log("shop").contains("no luck"));
    app.commit(&[("Procfile", "web: exec python3 -u web.py\n")]);
    let _ = app.xii(&["deploy"]).ok();
    assert_eq!(app.body("/"), "v7 web.1");
    world.leave();
}

/// The one slow test of this module: Heroku's boot timeout is a minute.
#[test]
fn a_web_process_that_never_listens_is_given_up_after_a_minute() {
    let world = World::new();
    let app = world.deployed("shop");
    app.commit(&[("Procfile", "web: trap 'exit 0' TERM; while :; do sleep 0.1; done\n")]);
    let _ = app.xii(&["deploy"]).refused(3, &["Error R10", "$PORT", "v1 goes on serving"]);
    assert_eq!(app.body("/"), "v1 web.1");
    world.leave();
}

#[test]
fn a_first_deploy_that_fails_leaves_nothing_running() {
    let world = World::new();
    let app = world.checkout("shop", crate::world::WEB);
    app.commit(&[("Procfile", "web: exit 4\n")]);
    let _ = app.xii(&["deploy"]).refused(3, &["exit 4", "nothing runs"]);
    assert!(world.ps("shop").is_empty());
    assert_eq!(app.json(&["info"])["state"], "empty");
    app.commit(&[("Procfile", "web: exec python3 -u web.py\n")]);
    let _ = app.xii(&["deploy"]).ok();
    assert_eq!(app.body("/"), "v2 web.1");
    world.leave();
}

#[test]
fn a_build_that_fails_is_the_apps_fault_and_makes_no_release() {
    let world = World::new();
    let app = world.deployed("shop");
    app.commit(&[("xii.toml", "[build]\ncommand = \"echo broken; exit 9\"\n")]);
    let _ = app.xii(&["deploy"]).refused(3, &["broken", "9"]);
    assert_eq!(app.json(&["releases"]).as_array().unwrap().len(), 1);
    assert_eq!(app.body("/"), "v1 web.1");
    assert_eq!(std::fs::read_dir(world.home().join("builds")).unwrap().count(), 1);
    world.leave();
}

#[test]
fn the_release_phase_runs_on_deploys_and_config_changes_alone() {
    let world = World::new();
    let app = world.checkout("shop", crate::world::WEB);
    let phase = "web: exec python3 -u web.py\nrelease: echo \"migrate $XII_RELEASE $MODE\"; \
                 test \"$MODE\" != bad\n";
    app.commit(&[("Procfile", phase)]);
    let _ = app.xii(&["deploy"]).ok().says(&["migrate v1"]);
    let _ = app.xii(&["config", "set", "MODE=good"]).ok().says(&["migrate v2 good"]);
    let _ = app.xii(&["scale", "web=2"]).ok();
    let _ = app.xii(&["restart"]).ok();
    let _ = app.xii(&["rollback", "v1"]).ok().says(&["release phases run since", "v2"]);
    assert_eq!(phases(&world), ["v1", "v2"]);
    let _ = app.xii(&["rollback", "v2", "--release-phase"]).ok();
    assert_eq!(phases(&world), ["v1", "v2", "v4"]);
    its_failure_keeps_the_old_release(&world, &app);
    world.leave();
}

fn its_failure_keeps_the_old_release(world: &World, app: &Checkout<'_>) {
    let said = app.xii(&["config", "set", "MODE=bad"]);
    let _ = said.refused(3, &["the release phase failed: exit 1"]);
    assert_eq!(phases(world).last().unwrap(), "v5");
    assert_eq!(app.body("/env/MODE"), "good");
    assert_eq!(app.release(), 4);
    assert_eq!(app.json(&["releases", "info", "v5"])["status"], "failed");
    // What failed is not the base of the next change.
    let _ = app.xii(&["config", "set", "OTHER=1"]).ok();
    assert_eq!(app.body("/env/MODE"), "good");
}

/// The releases whose phase has run, by what it printed.
fn phases(world: &World) -> Vec<String> {
    let log = world.log("shop");
    let lines = log.lines().filter_map(|line| line.split_once("app[release.1]: migrate "));
    lines.map(|(_, rest)| rest.split(' ').next().unwrap().to_string()).collect()
}
