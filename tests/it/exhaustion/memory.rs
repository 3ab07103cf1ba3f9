//! The server gets no more memory: the kernel ends it.

use super::group::Group;
use super::{all_is_well, unnoticed};
use crate::load;
use crate::world::{Said, World, is_alive};
use std::process::Stdio;

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
        for round in 0..20 {
            app.commit(&[("more", &"x".repeat(round * 100_000))]);
            let mut deploy = app.command(&["deploy"]);
            let deploy = deploy.stdout(Stdio::piped()).stderr(Stdio::piped());
            let mut deploy = deploy.spawn().unwrap();
            // The command waits for the next server.
            world.until("an end", || {
                (!is_alive(server) || deploy.try_wait().unwrap().is_some()).then_some(())
            });
            if !is_alive(server) {
                let _ = world.xii(&["up"]).ok();
                let said: Said = deploy.wait_with_output().unwrap().into();
                assert!(said.code <= 1, "{said:?}");
                return;
            }
        }
        panic!("it lives on 500 kB");
    });
    drop(group);
    all_is_well(&world, &app);
    drop(app);
    world.leave();
}
