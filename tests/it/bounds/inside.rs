//! What an app can reach of the host and of another app on it: nothing.

use super::{app, is_full};
use crate::world::{Checkout, World};

#[test]
fn an_app_reaches_nothing_of_another_app_or_of_the_platform() {
    let world = World::new();
    if !is_full(&world, "an_app_reaches_nothing_of_another_app_or_of_the_platform") {
        return world.leave();
    }
    let first = world.deployed("first");
    let _ = first.xii(&["config", "set", "TOKEN=first-and-secret"]).ok();
    let other = app(&world, "other", "web: exec python3 odd.py other", "");
    let _ = other.xii(&["deploy"]).ok();
    let mut tries = vec!["secret=first-and-secret".to_string()];
    let instance = &world.ps("first")[0];
    tries.push(format!("port={}", instance["port"]));
    tries.extend([instance["pid"].to_string(), world.server_pid().to_string()].map(pid));
    tries.extend(places(&world).into_iter().map(|path| format!("path={path}")));
    let found = inside(&other, &tries);
    assert_eq!(found.lines().find(|line| line.starts_with("REACHED")), None, "{found}");
    assert_ne!(uid(&found), uid(&inside(&inside_copy(&world), &[])));
    world.leave();
}

fn pid(number: String) -> String {
    format!("pid={number}")
}

/// Files and sockets of the platform; each must be there for the test to mean anything.
fn places(world: &World) -> Vec<String> {
    let (home, run) = (world.home(), world.run_dir());
    let mut places = vec![run.join("server.sock"), run.join("router.sock"), run.clone()];
    places.extend(["ledger.db", "key", "logs", "builds", "logs/first"].map(|at| home.join(at)));
    for folder in [run.join("router"), run.join("instances")] {
        places.extend(std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()));
    }
    places.iter().for_each(|place| assert!(place.exists(), "{}", place.display()));
    places.into_iter().map(|place| place.display().to_string()).collect()
}

/// An app of its own with the same files, whose user must be another.
fn inside_copy(world: &World) -> Checkout<'_> {
    let third = app(world, "third", "web: exec python3 odd.py third", "");
    let _ = third.xii(&["deploy"]).ok();
    third
}

fn inside(app: &Checkout<'_>, tries: &[String]) -> String {
    let mut words = vec!["run", "--", "python3", "inside.py"];
    words.extend(tries.iter().map(String::as_str));
    let said = app.xii(&words).ok();
    assert!(said.out.contains("UID "), "{said:?}");
    said.out
}

fn uid(said: &str) -> u32 {
    let line = said.lines().find_map(|line| line.strip_prefix("UID "));
    line.unwrap().parse().unwrap()
}
