//! Output without end, of every kind.

use super::{app, nobody_else_suffers};
use crate::world::World;

const PROCFILE: &str = "\
web: exec python3 -u web.py
flood: exec yes 'a line of a flood, of some sixty characters or so, again and again'
line: exec tr '\\0' x < /dev/zero
binary: exec cat /dev/urandom
";

#[test]
fn an_app_that_prints_without_end_slows_nobody_else_down() {
    let world = World::new();
    let good = world.deployed("good");
    let bad = app(&world, "bad", PROCFILE, "");
    let _ = bad.xii(&["deploy"]).ok();
    for kind in ["flood", "line", "binary"] {
        let _ = bad.xii(&["scale", &format!("{kind}=1")]).ok();
        nobody_else_suffers(&world, &good);
        assert_eq!(bad.body("/"), bad.body("/"));
        let _ = bad.xii(&["scale", &format!("{kind}=0")]).ok();
        assert_eq!(world.ps("bad").len(), 1, "{kind} was not stopped");
    }
    let shown = bad.xii(&["logs", "-n", "50"]).ok().out;
    let odd = |line: &&str| !line.contains(" app[") && !line.contains(" xii[");
    assert_eq!(shown.lines().find(odd), None, "a line without its stamp and source");
    world.leave();
}
