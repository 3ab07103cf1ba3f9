//! An app that takes a port another one was given.

use super::{app, is_full};
use crate::world::World;

#[test]
fn a_stranger_on_its_port_does_not_make_an_app_ready() {
    let world = World::new();
    if !is_full(&world, "a_stranger_on_its_port_does_not_make_an_app_ready") {
        return world.leave();
    }
    let thief = app(&world, "thief", "web: exec python3 odd.py thief", "");
    let _ = thief.xii(&["deploy"]).ok();
    let victim = app(&world, "victim", "web: exec sleep 1000", "boot_timeout = \"8s\"");
    let said = std::thread::scope(|scope| {
        let deploy = scope.spawn(|| victim.xii(&["deploy"]));
        let port = world.until("the victim has its port", || {
            let said = victim.xii(&["ps", "--json"]);
            (said.code == 0).then(|| said.json()["instances"][0]["port"].as_u64())?
        });
        assert_eq!(thief.body(&format!("/bind/{port}")), "ok");
        deploy.join().unwrap()
    });
    let _ = said.refused(3, &["R10", "has taken $PORT"]);
    assert_ne!(world.get(&victim.host(), "/").status, 200);
    world.leave();
}
