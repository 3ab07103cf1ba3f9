//! What packaging's units count on, as far as it can be seen without systemd; `vm` has the rest.

use crate::world::{World, is_alive, kill};
use std::os::unix::net::UnixDatagram;
use xii::sandbox::cgroup::Hierarchies;

fn router(world: &World) -> i64 {
    let record = std::fs::read(world.run_dir().join("router.json")).unwrap();
    serde_json::from_slice::<serde_json::Value>(&record).unwrap()["pid"].as_i64().unwrap()
}

#[test]
fn a_new_router_takes_over_without_a_server() {
    let world = World::new();
    world.kill_server();
    let keeper = router(&world);
    let status = || world.xii(&["router", "restart", "--json"]).ok().json()["router"].clone();
    let (first, second) = (status(), status());
    assert!(first.is_i64() && first != second, "{first} and {second}");
    assert_eq!(router(&world), keeper, "the one that holds the sockets stays");
    world.up();
    world.leave();
    let gone = World::without_server();
    let _ = gone.xii(&["router", "restart"]).refused(1, &["no router is running", "xii up"]);
}

#[test]
fn a_server_tells_systemd_when_it_serves_and_not_before() {
    let world = World::without_server();
    let path = world.folder().join("notify");
    let systemd = UnixDatagram::bind(&path).unwrap();
    systemd.set_read_timeout(Some(crate::world::PATIENCE)).unwrap();
    let mut server = world.command(world.folder(), &["server"]);
    let mut server = server.env("NOTIFY_SOCKET", &path).spawn().unwrap();
    let mut said = [0; 32];
    let length = systemd.recv(&mut said).unwrap();
    assert_eq!(&said[..length], b"READY=1");
    assert_eq!(world.server_pid(), i32::try_from(server.id()).unwrap());
    let _ = world.xii(&["down"]).ok();
    assert!(server.wait().unwrap().success(), "systemd does not start again what ended well");
    world.leave();
}

#[test]
fn a_cgroup_that_was_not_given_is_refused_by_its_name() {
    let world = World::without_server();
    let up = |name: &str| {
        let mut command = world.command(world.folder(), &["up"]);
        crate::world::Said::from(command.env("XII_CGROUP", name).output().unwrap())
    };
    let why = match Hierarchies::of_this_machine().is_v2_alone() {
        true => "is not there",
        false => "this machine has v1 hierarchies",
    };
    let _ = up("/no/such.service").refused(1, &["XII_CGROUP=/no/such.service", why]);
    let _ = up("../other").refused(2, &["XII_CGROUP"]);
}

#[test]
fn the_holder_of_instances_says_what_it_lacks() {
    let world = World::without_server();
    if Hierarchies::of_this_machine().is_v2_alone() {
        return;
    }
    let said = world.xii(&["hold-instances"]);
    let _ = said.refused(1, &["cgroup"]);
}

#[test]
fn the_doctor_notices_that_the_firewall_was_taken_away() {
    let world = World::new();
    if world.health()["isolation"] != "full" {
        eprintln!("SKIP the_doctor_notices_that_the_firewall_was_taken_away: no firewall here");
        return;
    }
    xii::sandbox::firewall::remove(&world.home_id()).unwrap();
    let said = world.xii(&["doctor"]);
    assert!(said.code == 1 && said.out.contains("its table is gone"), "{}", said.out);
    let server = world.server_pid();
    kill(server, rustix::process::Signal::TERM);
    world.until("the server ends", || (!is_alive(server)).then_some(()));
    world.up();
    let said = world.xii(&["doctor"]);
    assert!(!said.out.contains("its table is gone"), "{}", said.out);
    world.leave();
}
