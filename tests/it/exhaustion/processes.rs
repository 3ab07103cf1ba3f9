//! The server may start no process and no thread more.

use super::group::Group;
use super::{all_is_well, unnoticed, until_up};
use crate::load;
use crate::world::World;

#[test]
fn a_server_that_may_not_fork_disturbs_no_app_and_goes_on_when_it_may() {
    let test = "a_server_that_may_not_fork_disturbs_no_app_and_goes_on_when_it_may";
    let world = World::new();
    let app = load::deployed(&world, "app", 0);
    let server = world.server_pid();
    let Some(group) = Group::pids(&world, server) else {
        eprintln!("SKIP {test}: no cgroup for pids can be made");
        return world.leave();
    };
    unnoticed(&world, test, || {
        assert!(group.set("pids.max", &group.text("pids.current")));
        app.commit(&[]);
        let cannot = ["cannot start web.", "Resource temporarily unavailable"];
        let _ = app.xii(&["deploy"]).refused(1, &cannot);
        let _ = app.xii(&["scale", "web=2"]).refused(1, &cannot);
        let _ = app.xii(&["ps"]).ok().says(&["web.2 is not started, next try in", cannot[1]]);
        assert_eq!(app.json(&["info"])["state"], "crashed");
        assert!(group.set("pids.max", "max"));
        until_up(&world, 2);
    });
    drop(group);
    assert_eq!(world.server_pid(), server, "it is the same one");
    all_is_well(&world, &app);
    drop(app);
    world.leave();
}
