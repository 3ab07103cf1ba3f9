//! Without root: the whole spine at the level that the kernel allows.

use crate::world::{Checkout, World, kill};
use rustix::process::Signal;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Homes without root and without a common run folder do not know of each other's ports.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// To be held while a home without root exists.
pub fn rootless_turn() -> MutexGuard<'static, ()> {
    ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner)
}

fn possible(test: &str) -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        eprintln!("SKIP {test}: only root can become a user without privileges");
    }
    root
}

fn deployed<'a>(world: &'a World, name: &str) -> Checkout<'a> {
    let app = world.checkout(name, crate::world::WEB);
    world.give_away(app.folder());
    let _ = app.xii(&["deploy"]).ok();
    app
}

#[test]
fn without_root_the_whole_spine_works_and_says_its_level() {
    if !possible("without_root_the_whole_spine_works_and_says_its_level") {
        return;
    }
    let _turn = rootless_turn();
    let world = World::rootless();
    assert_eq!(world.health()["isolation"], "user-namespace");
    let app = deployed(&world, "app");
    assert_eq!(app.body("/"), "v1 web.1");
    let _ = app.xii(&["scale", "worker=1", "web=2"]).ok();
    world.until("the worker logs", || {
        let said = app.xii(&["logs", "--ps", "worker"]).ok();
        said.out.contains("app[worker.1]: beat").then_some(())
    });
    let _ = app.xii(&["config", "set", "COLOUR=blue"]).ok();
    assert_eq!(app.body("/env/COLOUR"), "blue");
    let _ = app.xii(&["rollback"]).ok();
    assert_eq!(app.body("/env/COLOUR"), "(unset)");
    let said = app.xii(&["run", "--", "sh", "-c", "id -un; touch /app/x || exit 4"]);
    assert_eq!((said.code, said.out.as_str()), (4, "app\n"), "{}", said.err);
    world.leave();
}

#[test]
fn without_root_apps_outlive_the_server_and_crashes() {
    if !possible("without_root_apps_outlive_the_server_and_crashes") {
        return;
    }
    let _turn = rootless_turn();
    let world = World::rootless();
    let host = deployed(&world, "app").host();
    world.kill_server();
    let _ = world.get(&host, "/exit/3");
    world.until("it answers again", || (world.get(&host, "/").status == 200).then_some(()));
    world.up();
    assert_eq!(world.ps("app").len(), 1);
    // The keeper too: only then does the server start another.
    let keeper = world.ps("app")[0]["pid"].as_i64().unwrap();
    kill(i32::try_from(keeper).unwrap(), Signal::KILL);
    world.until("another keeper", || {
        let instances = world.ps("app");
        let other = instances.len() == 1 && instances[0]["pid"].as_i64() != Some(keeper);
        (other && world.get(&host, "/").status == 200).then_some(())
    });
    world.leave();
}

#[test]
fn without_root_the_doctor_names_what_is_missing_and_why() {
    if !possible("without_root_the_doctor_names_what_is_missing_and_why") {
        return;
    }
    let _turn = rootless_turn();
    let world = World::rootless();
    let said = world.xii(&["doctor"]);
    assert_eq!(said.code, 1, "{said:?}");
    let pieces = ["a user and namespaces per app", "limits of memory", "a firewall between"];
    for piece in pieces {
        assert!(said.out.contains(piece), "{piece:?} is not in:\n{}", said.out);
    }
    assert!(said.out.contains("run the server as root"), "{}", said.out);
    world.leave();
}
