//! One stream of everything a deploy does, from every instance, the router and xii.

use crate::world::World;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

#[test]
fn the_log_is_one_stream_that_can_be_narrowed() {
    let world = World::new();
    let app = world.deployed("shop");
    let _ = app.xii(&["scale", "worker=1"]).ok();
    assert_eq!(app.body("/env/HOME?q=1").len(), "(unset)".len());
    world.until("the router's line is there", || {
        world.log("shop").contains("path=\"/env/HOME?q=1\"").then_some(())
    });
    let log = world.log("shop");
    let line = log.lines().find(|line| line.ends_with("app[web.1]: listening")).unwrap();
    let (stamp, _) = line.split_once(' ').unwrap();
    assert!(stamp.ends_with("+00:00") && stamp.len() == "2026-11-20T15:13:46.677020+00:00".len());
    stamp.parse::<jiff::Timestamp>().unwrap();

    let only = |words: &[&str]| app.xii(&[&["logs"], words].concat()).ok().out;
    assert_eq!(only(&["-n", "1", "--ps", "web.1", "--source", "app"]).lines().count(), 1);
    let all = |out: String, with: &str| !out.is_empty() && out.lines().all(|l| l.contains(with));
    assert!(all(only(&["--ps", "worker"]), "[worker.1]: "));
    assert!(all(only(&["--source", "router"]), " xii[router]: "));
    assert!(all(only(&["--source", "app", "--ps", "web.1"]), " app[web.1]: "));
    let router = only(&["--source", "router"]);
    for field in ["method=GET", "host=shop.localhost", "dyno=web.1", "status=200", "bytes="] {
        assert!(router.contains(field), "{field} is not in {router}");
    }
    let _ = app.xii(&["logs", "--source", "nobody"]).refused(2, &["nobody"]);
    world.leave();
}

#[test]
fn a_tail_shows_lines_as_they_come_and_nothing_is_lost_with_the_server() {
    let world = World::new();
    let app = world.deployed("shop");
    let mut command =
        app.command(&["logs", "--tail", "-n", "0", "--ps", "worker", "--source", "app"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let _ = app.xii(&["scale", "worker=1"]).ok();
    let mut next = || lines.next().unwrap().unwrap();
    assert!(next().ends_with("app[worker.1]: beat 1"));

    // The keeper writes on while there is no server, and the tail takes up where it was.
    world.kill_server();
    world.up();
    for beat in 2..20 {
        let line = next();
        assert!(line.ends_with(&format!("app[worker.1]: beat {beat}")), "{beat}: {line}");
    }
    child.kill().unwrap();
    child.wait().unwrap();
    world.leave();
}
