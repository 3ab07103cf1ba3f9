//! Changes under constant load: no request fails, whatever is changed.

use crate::world::{Client, World};
use std::sync::atomic::{AtomicBool, Ordering};

/// Asks again and again until it is told to stop. Returns how many answers were good, and
/// the first one that was not.
fn load(http: &str, host: &str, stop: &AtomicBool) -> (u64, Option<String>) {
    let mut good = 0;
    let mut client = Client::open(http).unwrap();
    while !stop.load(Ordering::Relaxed) {
        let answer = match good % 2 {
            0 => client.get(host, "/slow/5"),
            _ => client.post(host, "/", "a body"),
        };
        match answer {
            Ok(answer) if answer.status == 200 => good += 1,
            Ok(answer) => return (good, Some(answer.head + &answer.body)),
            Err(error) => return (good, Some(error.to_string())),
        }
    }
    (good, None)
}

#[test]
fn no_request_fails_while_everything_changes() {
    let world = World::new();
    let app = world.deployed("shop");
    let (http, host, stop) = (world.http(), app.host(), AtomicBool::new(false));
    std::thread::scope(|scope| {
        let loads: Vec<_> = (0..3).map(|_| scope.spawn(|| load(&http, &host, &stop))).collect();
        app.commit(&[("note.txt", "new")]);
        let receipt = app.json(&["deploy"]);
        let during = &receipt["traffic_during"];
        let changes: &[&[&str]] = &[
            &["restart"],
            &["scale", "web=3"],
            &["config", "set", "A=1"],
            &["stop", "web.2"],
            &["rollback", "v1"],
            &["scale", "web=1"],
        ];
        let said: Vec<_> = changes.iter().map(|words| app.xii(words)).collect();
        world.kill_server();
        world.up();
        let last = app.xii(&["restart"]);
        stop.store(true, Ordering::Relaxed);
        for load in loads {
            let (good, bad) = load.join().unwrap();
            assert!(bad.is_none() && good > 50, "{good} good ones, then {bad:?}");
        }
        assert!(during["requests"].as_u64().unwrap() > 10, "{receipt}");
        assert_eq!(during["failed"], 0, "{receipt}");
        said.into_iter().chain([last]).for_each(|said| drop(said.ok()));
    });
    world.leave();
}
