//! The server gets no more memory: the kernel ends it.

use super::group::Group;
use super::{all_is_well, unnoticed};
use crate::load;
use crate::world::{World, is_alive};

#[test]
fn a_server_ended_for_want_of_memory_in_a_deploy_disturbs_no_app() {
    let test = "a_server_ended_for_want_of_memory_in_a_deploy_disturbs_no_app";
    let world = World::new();
    let app = load::deployed(&world, "app", 0);
    let server = world.server_pid();
    let Some(group) = Group::memory(&world, server) else {
        eprintln!("SKIP {test}: no cgroup for memory can be made");
        return world.leave();
    };
    unnoticed(&world, test, || {
        let limited = group.set("memory.limit_in_bytes", "500K");
        assert!(limited || group.set("memory.max", "500K"));
        for round in 0.. {
            app.commit(&[("more", &"x".repeat(round * 100_000))]);
            let said = app.xii(&["deploy"]);
            if !is_alive(server) {
                assert_eq!(said.code, 1, "{said:?}");
                break;
            }
            assert!(round < 20, "it lives on 500 kB: {said:?}");
        }
        let _ = world.xii(&["up"]).ok();
    });
    drop(group);
    all_is_well(&world, &app);
    drop(app);
    world.leave();
}
