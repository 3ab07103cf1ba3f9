//! A release phase changes a database: it is never repeated and never two at once, whatever
//! becomes of the server that has begun it.

use super::observed::{deployed, procfile, recorded, releases, until_reached};
use super::random::Random;
use super::victims::{Victim, strike};
use crate::world::World;
use std::process::Stdio;
use xii::store::{Ledger, OneOffState};

#[test]
fn a_release_phase_outlives_its_server_and_the_next_one_waits_for_its_end() {
    let mut random = Random::seeded("a_release_phase_outlives_its_server");
    let world = World::new();
    let app = deployed(&world, "app", 1);
    let ledger = Ledger::open(&world.home().join("ledger.db")).unwrap();
    let running = || ledger.running_one_offs().unwrap();
    app.commit(&[("Procfile", &format!("{}release: echo migrating; sleep 12\n", procfile(2)))]);
    let mut command = app.command(&["deploy"]);
    let mut deploy = command.stderr(Stdio::null()).spawn().unwrap();
    world.until("the release phase runs", || {
        let logs = app.xii(&["logs", "-n", "1000"]).ok();
        logs.out.contains(": migrating").then_some(())
    });
    world.until("the server dies", || strike(&world, Victim::Server, &mut random));
    let _ = world.xii(&["up"]).ok();
    assert!(!world.until("the command ends", || deploy.try_wait().unwrap()).success());
    let (state, release) = recorded(&world, "app");
    assert_eq!((state.code, release), (1, 1), "an interrupted release does not serve");
    until_reached(&world, "app", &state, release);
    assert_eq!(releases(&world, "app").iter().filter(|r| r["status"] == "failed").count(), 1);

    assert_eq!(running().len(), 1, "it outlives its server");
    let said = app.xii(&["deploy"]).ok();
    assert!(said.err.contains("waiting for its end"), "{}", said.err);
    let deploy = "app/production".parse().unwrap();
    let phases = ledger.one_offs(&deploy, 2).unwrap();
    assert!(phases.iter().all(|phase| phase.state == OneOffState::Exited(0)), "{phases:?}");
    assert!(phases[1].finished_at.unwrap() <= phases[0].started_at, "two at once: {phases:?}");
    let (state, release) = recorded(&world, "app");
    assert_eq!(state.code, 2);
    until_reached(&world, "app", &state, release);
    drop((app, ledger));
    world.leave();
}
