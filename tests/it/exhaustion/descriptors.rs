//! No descriptor is left for the server. (The router's are looked at in `router::descriptors`.)

use super::{all_is_well, complains, unnoticed};
use crate::load;
use crate::world::World;
use rustix::process::{Pid, Resource, Rlimit};
use std::os::unix::net::UnixStream;

fn limit(pid: i32, current: u64) {
    let limit = Rlimit { current: Some(current), maximum: Some(4096) };
    rustix::process::prlimit(Pid::from_raw(pid), Resource::Nofile, limit).unwrap();
}

fn open(pid: i32) -> u64 {
    std::fs::read_dir(format!("/proc/{pid}/fd")).unwrap().count() as u64
}

#[test]
fn a_server_without_descriptors_disturbs_no_app_and_comes_back_to_itself() {
    let test = "a_server_without_descriptors_disturbs_no_app_and_comes_back_to_itself";
    let world = World::new();
    let app = load::deployed(&world, "app", 0);
    let server = world.server_pid();
    unnoticed(&world, test, || {
        // Enough for a look, not for a deploy.
        limit(server, open(server) + 4);
        complains(&world, "descriptors", &["server"]);
        app.commit(&[]);
        let said = app.xii(&["deploy"]);
        assert!(said.code == 1 && said.err.contains("Too many open files"), "{said:?}");
        let path = world.run_dir().join("server.sock");
        let crowd: Vec<UnixStream> = (0..50).map(|_| UnixStream::connect(&path).unwrap()).collect();
        // Whoever comes now waits, and is served when somebody goes.
        let waiting = world.command(world.folder(), &["ps", "-a", "app"]).spawn().unwrap();
        drop(crowd);
        assert!(waiting.wait_with_output().unwrap().status.success());
        limit(server, 4096);
    });
    assert_eq!(world.server_pid(), server, "it is the same one");
    all_is_well(&world, &app);
    drop(app);
    world.leave();
}
