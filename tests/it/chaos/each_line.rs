//! The server dies at each step of a deploy in turn.

use super::observed::{deployed, procfile, recorded, until_reached};
use super::random::Random;
use super::victims::{Victim, strike};
use crate::world::{Checkout, World};
use std::io::{BufRead, BufReader};
use std::process::Stdio;

#[test]
fn a_server_killed_at_any_line_of_a_deploy_leaves_the_old_release_or_the_new() {
    let world = World::new();
    let app = deployed(&world, "app", 1);
    let mut lines = 0;
    loop {
        let (before, _) = recorded(&world, "app");
        let code = before.code + 1;
        app.commit(&[("Procfile", &procfile(code))]);
        let (line, acknowledged) = deploy_until(&world, &app, lines);
        let (after, release) = recorded(&world, "app");
        eprintln!("  killed at {line:?}: acknowledged {acknowledged}, code {}", after.code);
        assert!([before.code, code].contains(&after.code), "{after:?}");
        assert!(after.code == code || !acknowledged, "an acknowledged deploy is lost");
        until_reached(&world, "app", &after, release);
        let _ = world.xii(&["releases", "verify", "-a", "app"]).ok();
        if line.is_none() {
            break;
        }
        lines += 1;
    }
    assert!(lines > 4, "a deploy has more steps than {lines}");
    drop(app);
    world.leave();
}

/// Deploys, and kills the server when this many lines have been said before. Returns the
/// line, or nothing when there was none.
fn deploy_until(world: &World, app: &Checkout<'_>, lines: usize) -> (Option<String>, bool) {
    let mut command = app.command(&["deploy"]);
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let line = said.by_ref().nth(lines);
    if line.is_some() {
        strike(world, Victim::Server, &mut Random::seeded("  next line"));
        let _ = world.xii(&["up"]).ok();
    }
    // Read to the end: nobody waits on a full pipe.
    said.for_each(drop);
    (line, child.wait().unwrap().success())
}
