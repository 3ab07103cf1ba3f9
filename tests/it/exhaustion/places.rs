//! What an instance needs of the host besides: a port of the home's block, a cgroup.

use super::{all_is_well, unnoticed, until_up};
use crate::load;
use crate::world::World;
use std::net::TcpListener;
use xii::sandbox::cgroup::Hierarchies;

#[test]
fn an_instance_without_a_port_or_a_cgroup_says_so_and_starts_when_there_is_one() {
    let test = "an_instance_without_a_port_or_a_cgroup_says_so_and_starts_when_there_is_one";
    let world = World::new();
    let app = load::deployed(&world, "app", 0);
    unnoticed(&world, test, || {
        // A home's block is a whole hundred.
        let port = world.ps("app")[0]["port"].as_u64().unwrap() as u16;
        let block = port / 100 * 100..port / 100 * 100 + 100;
        let taken: Vec<TcpListener> =
            block.filter_map(|port| TcpListener::bind(("0.0.0.0", port)).ok()).collect();
        let words = ["all 100 ports of this home are in use"];
        let _ = app.xii(&["scale", "web=2"]).refused(1, &words);
        let _ = app.xii(&["ps"]).ok().says(&["web.2 is not started, next try in", words[0]]);
        drop(taken);
        until_up(&world, 2);
        let _ = app.xii(&["scale", "web=1"]).ok();
        no_cgroup(&world, &app);
    });
    all_is_well(&world, &app);
    drop(app);
    world.leave();
}

fn no_cgroup(world: &World, app: &crate::world::Checkout<'_>) {
    let Some(root) = Hierarchies::of_this_machine().unified else { return };
    let most = root.join(format!("xii-{}", world.home_id())).join("cgroup.max.descendants");
    if std::fs::write(&most, "0").is_err() {
        return;
    }
    let _ = app.xii(&["scale", "web=2"]).refused(1, &["cgroup"]);
    std::fs::write(&most, "max").unwrap();
    until_up(world, 2);
}
