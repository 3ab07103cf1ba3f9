//! Nothing that runs notices the end of the server.

use crate::world::{Client, World};

#[test]
fn a_request_is_answered_while_the_server_is_killed() {
    let world = World::new();
    let app = world.deployed("app");
    let host = app.host();
    let mut client = Client::open(&world.http()).unwrap();
    client.send(format!("GET /slow/1500 HTTP/1.1\r\nHost: {host}\r\n\r\n")).unwrap();
    world.kill_server();
    let answer = client.answer().unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (200, "slow v1"));
    // Nobody is there to start anything, and the app still answers.
    assert_eq!(app.body("/"), "v1 web.1");
    world.up();
    let instances = world.ps("app");
    assert_eq!(instances.len(), 1, "{instances:?}");
    assert_eq!(instances[0]["restarts"], 0);
    world.leave();
}

#[test]
fn a_crashed_instance_comes_back_while_there_is_no_server() {
    let world = World::new();
    let app = world.deployed("app");
    world.kill_server();
    let _ = world.get(&app.host(), "/exit/3");
    world.until("the app answers again", || {
        (world.get(&app.host(), "/").status == 200).then_some(())
    });
    world.up();
    world.leave();
}

#[test]
fn down_ends_what_a_dead_server_has_left_running() {
    let world = World::new();
    let app = world.deployed("app");
    world.kill_server();
    assert_eq!(app.body("/"), "v1 web.1");
    let said = world.xii(&["down"]).ok();
    assert!(said.err.contains("what it started goes on"), "{}", said.err);
    let said = world.xii(&["down"]).ok();
    assert!(said.err.contains("xii is not up"), "{}", said.err);
    world.leave();
}
