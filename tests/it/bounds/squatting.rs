//! Who takes a port that an app was given.

use super::{app, is_full};
use crate::world::World;
use std::io::{Read, Write};
use std::net::TcpListener;

#[test]
fn a_stranger_on_its_port_does_not_make_an_app_ready() {
    let world = World::new();
    if !is_full(&world, "a_stranger_on_its_port_does_not_make_an_app_ready") {
        return world.leave();
    }
    let victim = app(&world, "victim", "web: exec sleep 1000", "boot_timeout = \"8s\"");
    let said = std::thread::scope(|scope| {
        let deploy = scope.spawn(|| victim.xii(&["deploy"]));
        let port = world.until("the victim has its port", || {
            let said = victim.xii(&["ps", "--json"]);
            (said.code == 0).then(|| said.json()["instances"][0]["port"].as_u64())?
        });
        // A process of the host, which nothing keeps from it.
        let stranger = TcpListener::bind(("0.0.0.0", port as u16)).unwrap();
        stranger.set_nonblocking(true).unwrap();
        while !deploy.is_finished() {
            if let Ok((mut client, _)) = stranger.accept() {
                client.set_nonblocking(false).unwrap();
                let _ = client.read(&mut [0; 4096]);
                let _ = client.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        deploy.join().unwrap()
    });
    let _ = said.refused(3, &["R10", "has taken $PORT"]);
    assert_ne!(world.get(&victim.host(), "/").status, 200);
    world.leave();
}

#[test]
fn an_app_cannot_take_the_port_of_one_that_is_down_for_a_moment() {
    let world = World::new();
    if !is_full(&world, "an_app_cannot_take_the_port_of_one_that_is_down_for_a_moment") {
        return world.leave();
    }
    let thief = app(&world, "thief", "web: exec python3 odd.py thief", "");
    let _ = thief.xii(&["deploy"]).ok();
    let victim = app(&world, "victim", "web: python3 -u web.py; sleep 5; exit 1", "");
    let _ = victim.xii(&["deploy"]).ok();
    let port = world.ps("victim")[0]["port"].as_u64().unwrap();
    // Its port is free now, and the routing table still sends its requests there.
    let _ = world.get(&victim.host(), "/exit/0");
    assert_ne!(world.get(&thief.host(), &format!("/bind/{port}")).status, 200);
    let answer = world.get(&victim.host(), "/");
    assert_ne!((answer.status, answer.body.as_str()), (200, "ok"), "the thief has answered");
    // Any port that is not given out is nobody's.
    assert_eq!(thief.body("/bind/0"), "ok");
    world.leave();
}
