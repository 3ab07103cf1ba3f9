//! Web processes that do not answer as they should.

use super::{app, nobody_else_suffers};
use crate::world::World;

const PATIENT: &str = "boot_timeout = \"2s\"";

#[test]
fn an_app_that_does_not_listen_on_its_port_is_r10_in_its_own_time() {
    let world = World::new();
    let good = world.deployed("good");
    let silent = [
        ("never", "web: exec sleep 1000", "nothing accepts connections on $PORT"),
        ("elsewhere", "web: exec python3 odd.py elsewhere", "nothing accepts connections"),
        ("mute", "web: exec python3 odd.py mute", "accepts connections but does not answer"),
    ];
    for (name, procfile, why) in silent {
        let bad = app(&world, name, procfile, PATIENT);
        let _ = bad.xii(&["deploy"]).refused(3, &["Error R10 (Boot timeout): after 2s", why]);
        nobody_else_suffers(&world, &good);
    }
    world.leave();
}

#[test]
fn an_app_that_listens_on_loopback_alone_is_served() {
    let world = World::new();
    let app = app(&world, "shy", "web: exec python3 odd.py loopback", "");
    let _ = app.xii(&["deploy"]).ok();
    assert_eq!(app.body("/"), "ok");
    world.leave();
}

#[test]
fn broken_answers_are_named_in_the_log_and_cost_nobody_else() {
    let world = World::new();
    let good = world.deployed("good");
    let bad = app(&world, "bad", "web: exec python3 odd.py broken", "");
    let _ = bad.xii(&["deploy"]).ok();
    for path in ["/close", "/huge"] {
        let answer = world.get(&bad.host(), path);
        assert!(matches!(answer.status, 502 | 503), "{path}: {answer:?}");
    }
    for _ in 0..50 {
        assert_eq!(bad.body("/leak"), "ok");
    }
    world.until("H13 is in the log", || {
        let said = bad.xii(&["logs", "-n", "200", "--source", "router"]).ok();
        (said.out.contains("code=H13") && said.out.contains("path=\"/close\"")).then_some(())
    });
    nobody_else_suffers(&world, &good);
    assert_eq!(bad.body("/"), "ok");
    world.leave();
}
