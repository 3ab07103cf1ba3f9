//! A server with very many apps. Each has a release with code; all but one are stopped.

use super::{Rows, heading, once, proportional};
use crate::world::World;
use jiff::Timestamp;
use xii::app::DeployRef;
use xii::config::Key;
use xii::release::{self, NewRelease, Reason, Release};
use xii::store::{Block, Ledger, Scope};

/// The uids that only the system's home has so many of.
const SYSTEM: Block = Block { uids: 70_000..90_000, ports: 20_000..28_000 };

fn like(release: &Release, deploy: &DeployRef, key: &Key) -> NewRelease {
    NewRelease {
        deploy: deploy.clone(),
        build: release.build,
        stack: release.stack.clone(),
        config: release.open_config(key).unwrap(),
        commands: release.commands.clone(),
        manifests: release.manifests.clone(),
        commit: release.commit.clone(),
        attachments: Vec::new(),
        reason: Reason::Deploy,
        by: "ann".into(),
        at: Timestamp::now(),
    }
}

/// More apps, written past the server, which is not there.
fn add(world: &World, numbers: std::ops::Range<usize>) {
    let ledger = Ledger::open(&world.home().join("ledger.db")).unwrap();
    let key = Key::load_or_create(&world.home().join("key"), &ledger).unwrap();
    let model = release::current(&ledger, &key, &"app".parse().unwrap()).unwrap().unwrap();
    for number in numbers {
        let deploy: DeployRef = format!("app-{number}").parse().unwrap();
        let now = Timestamp::now();
        ledger.create_app(&deploy.app, &[format!("{number:040x}")], "", now).unwrap();
        ledger.create_deploy(&deploy, &SYSTEM, now).unwrap();
        ledger.stop(&deploy, &Scope::Deploy).unwrap();
        let made = release::cut(&ledger, &key, &like(&model, &deploy, &key)).unwrap();
        release::activate(&ledger, &key, &deploy, made.number, now).unwrap();
    }
}

#[test]
#[ignore = "a figure, not a test: `just bench-scale`"]
fn a_server_of_a_thousand_apps() {
    let world = World::new();
    let app = world.deployed("app");
    heading();
    let names = [
        "server of n apps: `xii up` after its death, all of it",
        "… until `xii ps -a app` answers after that",
        "… `xii ps -a app`",
        "… `xii apps`",
        "… `xii deploys`",
        "… `xii deploy`, nothing to build, with boot and readiness",
        "… `xii up` after `xii down`",
    ];
    let mut rows = names.map(Rows::of);
    let mut made = 1;
    for n in [10, 100, 1_000] {
        let _ = world.xii(&["down"]).ok();
        add(&world, made..n);
        made = n;
        let cold = once(|| world.up());
        world.kill_server();
        let warm = once(|| drop(world.xii(&["up"]).ok()));
        let times = [
            warm,
            once(|| drop(world.ps("app"))),
            super::best(|| drop(world.xii(&["ps", "-a", "app"]).ok())),
            super::best(|| drop(world.xii(&["apps"]).ok())),
            super::best(|| drop(world.xii(&["deploys"]).ok())),
            super::best(|| {
                app.commit(&[]);
                let _ = app.xii(&["deploy"]).ok();
            }),
            cold,
        ];
        let memory = proportional(world.server_pid());
        for (row, time) in rows.iter_mut().zip(times) {
            row.add(n, time, &memory);
        }
    }
    drop(app);
    world.leave();
}
