//! One change at a time; one that is interrupted leaves what was there before.

use crate::world::{Checkout, Said, World, kill};
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

/// A build that says so and goes on until it is told not to.
const ENDLESS: &str = "[build]\ncommand = \"echo building; sleep 600\"\n";

/// A deploy that has come so far that it has printed these words.
fn deploying(app: &Checkout<'_>, words: &str) -> Child {
    let mut command = app.command(&["deploy"]);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut err = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    while !line.contains(words) {
        line.clear();
        assert!(err.read_line(&mut line).unwrap() > 0, "it ended before it said {words:?}");
    }
    child.stderr = Some(err.into_inner());
    child
}

fn end(child: Child) -> Said {
    child.wait_with_output().unwrap().into()
}

#[test]
fn a_second_change_is_refused_or_waits_and_ctrl_c_cancels_a_build() {
    let world = World::new();
    let app = world.deployed("shop");
    app.commit(&[("xii.toml", ENDLESS)]);
    let first = deploying(&app, "building");
    for words in [&["deploy"][..], &["scale", "web=2"], &["config", "set", "A=1"], &["restart"]] {
        let _ = app.xii(words).refused(1, &["is being changed by operation", "(deploy)", "--wait"]);
    }
    let mut waiting = app.command(&["config", "set", "A=1", "--wait"]);
    let waiting = waiting.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // Reads go on.
    assert_eq!(app.json(&["info"])["operation"].as_str().map(str::is_empty), Some(false));
    kill(i32::try_from(first.id()).unwrap(), rustix::process::Signal::INT);
    let _ = end(first).refused(1, &["cancel"]);
    let _ = end(waiting).ok();
    assert_eq!(app.body("/env/A"), "1");
    assert_eq!(app.body("/"), "v2 web.1", "the cancelled deploy made no release");
    nothing_half_made(&world);
    world.leave();
}

fn nothing_half_made(world: &World) {
    let names = |folder: &str| -> Vec<String> {
        let entries = std::fs::read_dir(world.home().join(folder)).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    };
    assert_eq!(names("builds").len(), 1);
    world.until("no work is left in tmp", || names("tmp").is_empty().then_some(()));
}

#[test]
fn ctrl_c_during_the_release_phase_or_the_start_takes_the_release_back() {
    let world = World::new();
    let app = world.deployed("shop");
    let web = "web: exec python3 -u web.py\n";
    app.commit(&[("Procfile", &format!("{web}release: echo migrating; exec sleep 600\n"))]);
    let child = deploying(&app, "migrating");
    kill(i32::try_from(child.id()).unwrap(), rustix::process::Signal::INT);
    let _ = end(child).refused(1, &["cancelled during the release phase"]);
    app.commit(&[("Procfile", "web: exec sleep 600\n")]);
    let child = deploying(&app, "release");
    world.until("the new one has started", || (world.ps("shop").len() == 2).then_some(()));
    kill(i32::try_from(child.id()).unwrap(), rustix::process::Signal::INT);
    let _ = end(child).refused(1, &["cancelled before the switch"]);
    assert_eq!(world.ps("shop").len(), 1);
    assert_eq!((app.release(), app.body("/").as_str()), (1, "v1 web.1"));
    for number in ["v2", "v3"] {
        assert_eq!(app.json(&["releases", "info", number])["status"], "failed");
    }
    world.leave();
}

#[test]
fn a_server_killed_during_a_deploy_leaves_the_old_release_and_the_client_is_told() {
    let world = World::new();
    let app = world.deployed("shop");
    app.commit(&[("Procfile", "web: exec sleep 600\n")]);
    let child = deploying(&app, "release");
    world.until("the new one has started", || (world.ps("shop").len() == 2).then_some(()));
    world.kill_server();
    assert_eq!(app.body("/"), "v1 web.1");
    world.up();
    let _ = end(child).refused(1, &["interrupted", "what served before still serves"]);
    let failed = app.json(&["releases", "info", "v2"]);
    assert!(failed["why_failed"].as_str().unwrap().contains("interrupted"), "{failed}");
    world.until("the new one is gone", || (world.ps("shop").len() == 1).then_some(()));
    assert_eq!(app.body("/"), "v1 web.1");
    world.leave();
}

#[test]
fn down_during_a_deploy_cancels_it() {
    let world = World::new();
    let app = world.deployed("shop");
    app.commit(&[("Procfile", "web: exec sleep 600\n")]);
    let child = deploying(&app, "release");
    world.until("the new one has started", || (world.ps("shop").len() == 2).then_some(()));
    let _ = world.xii(&["down"]).ok();
    let said = end(child);
    assert_eq!(said.code, 1, "{said:?}");
    world.up();
    world.until("it serves again", || {
        (world.get(&app.host(), "/").body == "v1 web.1").then_some(())
    });
    assert_eq!(app.json(&["releases", "info", "v2"])["status"], "failed");
    world.leave();
}

#[test]
fn an_interrupted_release_phase_never_runs_beside_the_next_one() {
    let world = World::new();
    let app = world.deployed("shop");
    let web = "web: exec python3 -u web.py";
    app.commit(&[("Procfile", &format!("{web}\nrelease: echo begin; exec sleep 600\n"))]);
    let child = deploying(&app, "begin");
    world.kill_server();
    world.up();
    let _ = end(child).refused(1, &["interrupted"]);
    app.commit(&[("Procfile", &format!("{web}\nrelease: echo next\n"))]);
    let next = deploying(&app, "still runs; waiting for its end");
    assert!(!world.log("shop").contains("app[release.1]: next"));
    kill(i32::try_from(next.id()).unwrap(), rustix::process::Signal::INT);
    let _ = end(next).refused(1, &["cancelled before the release phase"]);
    assert_eq!(app.body("/"), "v1 web.1");
    // It is still there, and goes with everything else.
    world.leave();
}
