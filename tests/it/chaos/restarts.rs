//! The platform's own processes come and go, and visitors do not notice.

use super::observed::{deployed, recorded, until_reached};
use super::victims::{Victim, pids};
use crate::load::{self, Timeline, Visitors};
use crate::world::{World, is_alive, kill};
use rustix::process::Signal;

#[test]
fn server_and_router_restarts_under_load_fail_no_request() {
    let world = World::new();
    let app = load::deployed(&world, "app", 1);
    let timeline = Timeline::of(1);
    let visitors = Visitors::of(&world, "app");
    for round in 0..10 {
        end_server(&world, if round % 2 == 0 { Signal::TERM } else { Signal::KILL });
        replace_router(&world);
        let _ = world.xii(&["up"]).ok();
        replace_router(&world);
    }
    visitors.end(&world, "server_and_router_restarts_under_load_fail_no_request", &timeline);
    let (state, release) = recorded(&world, "app");
    until_reached(&world, "app", &state, release);
    let restarts: Vec<_> = world.ps("app").iter().map(|i| i["restarts"].clone()).collect();
    assert_eq!(restarts, [0]);
    drop(app);
    world.leave();
}

pub fn end_server(world: &World, signal: Signal) {
    for pid in pids(world, Victim::Server) {
        kill(pid, signal);
        world.until("the server is gone", || (!is_alive(pid)).then_some(()));
    }
}

/// A planned restart: it returns when the next router serves.
pub fn replace_router(world: &World) {
    let keeper = xii::router::KeeperClient { socket: world.run_dir().join("router.sock") };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(keeper.restart()).unwrap();
}

#[test]
fn a_routers_keeper_that_dies_is_replaced_by_the_server_and_else_by_up() {
    let world = World::new();
    let app = deployed(&world, "app", 1);
    for server_too in [false, true] {
        let old = pids(&world, Victim::RouterKeeper);
        if server_too {
            end_server(&world, Signal::KILL);
        }
        old.iter().for_each(|pid| kill(*pid, Signal::KILL));
        if server_too {
            let _ = world.xii(&["up"]).ok();
        }
        world.until("another keeper", || {
            let new = pids(&world, Victim::RouterKeeper);
            (!new.is_empty() && new != old).then_some(())
        });
        // At the same address, with the same table.
        world
            .until("the app answers", || (world.get(&app.host(), "/").status == 200).then_some(()));
    }
    drop(app);
    world.leave();
}

#[test]
fn an_interrupted_restart_leaves_all_old_instances_or_all_new_ones() {
    let world = World::new();
    let app = deployed(&world, "app", 1);
    let _ = app.xii(&["scale", "web=2", "worker=1"]).ok();
    let keepers =
        || -> Vec<u64> { world.ps("app").iter().map(|i| i["keeper"].as_u64().unwrap()).collect() };
    let old = keepers();
    let mut command = app.command(&["restart"]);
    let mut restart = command.stderr(std::process::Stdio::null()).spawn().unwrap();
    world.until("the first new instance", || {
        keepers().iter().any(|keeper| !old.contains(keeper)).then_some(())
    });
    end_server(&world, Signal::KILL);
    let _ = world.xii(&["up"]).ok();
    world.until("the command ends", || restart.try_wait().unwrap());
    let (state, release) = recorded(&world, "app");
    world.until("the state before the restart, or after it", || {
        let now = keepers();
        let kept = now.iter().filter(|keeper| old.contains(keeper)).count();
        (now.len() == old.len() && (kept == 0 || kept == old.len())).then_some(())
    });
    until_reached(&world, "app", &state, release);
    drop(app);
    world.leave();
}
