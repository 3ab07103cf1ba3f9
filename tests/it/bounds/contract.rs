//! What an app may rely on, and that there is nothing else.

use super::is_full;
use crate::world::{Checkout, World};
use serde_json::Value;
use xii::sandbox::cgroup::Hierarchies;

const SETTINGS: &str = "\
scratch = [\"log\"]
[build]
command = \"mkdir -p log\"
[process.web]
memory = \"600M\"
cpu = 0.5
pids = 77
";

fn deployed(world: &World) -> Checkout<'_> {
    // The second command shows that a line of the Procfile is a line of a shell.
    let procfile = "web: export SHELL_RAN=\"$((6 * 7))\"; exec python3 -u facts.py | cat\n";
    let files =
        [("Procfile", procfile), ("xii.toml", SETTINGS), ("facts.py", include_str!("facts.py"))];
    let app = world.checkout("app", &files);
    let mut deploy = app.command(&["deploy"]);
    assert!(deploy.env("LEAKED", "by the client").status().unwrap().success());
    let _ = app.xii(&["config", "set", "COLOUR=blue"]).ok();
    app
}

fn facts(app: &Checkout<'_>, path: &str) -> Value {
    serde_json::from_str(&app.body(path)).unwrap()
}

#[test]
fn an_app_finds_exactly_what_it_was_promised() {
    let world = World::without_server();
    let mut up = world.command(world.folder(), &["up"]);
    assert!(up.env("LEAKED", "by the server").output().unwrap().status.success());
    world.up();
    let app = deployed(&world);
    let found = facts(&app, "/touch");
    let names: Vec<&str> = found["env"].as_object().unwrap().keys().map(String::as_str).collect();
    let promised = [
        "COLOUR",
        "DYNO",
        "HOME",
        "LANG",
        "PATH",
        "PORT",
        "PWD",
        "PYTHONUNBUFFERED",
        "SHELL_RAN",
        "TZ",
        "WEB_CONCURRENCY",
        "XII_APP",
        "XII_DEPLOY",
        "XII_HOST",
        "XII_INSTANCE",
        "XII_RELEASE",
    ];
    // PWD is the shell's own doing.
    assert_eq!(names, promised);
    let values = [("DYNO", "web.1"), ("XII_RELEASE", "v2"), ("COLOUR", "blue"), ("HOME", "/app")];
    for (name, value) in values.into_iter().chain([("SHELL_RAN", "42"), ("WEB_CONCURRENCY", "2")]) {
        assert_eq!(found["env"][name], value, "{name}");
    }
    assert_eq!((&found["cwd"], &found["user"]), (&"/app".into(), &"app".into()));
    assert_eq!(found["tmp"], serde_json::json!(["mark"]));
    assert_eq!(found["scratch"], serde_json::json!(["mark"]));
    assert!(found["authorities"].as_u64() > Some(0), "{found}");
    assert_eq!((&found["localhost"], &found["resolv"]), (&"127.0.0.1".into(), &true.into()));
    assert_eq!(found["zone"], "Europe/Berlin");
    let _ = app.xii(&["restart"]).ok();
    let again = facts(&app, "/");
    assert_eq!((&again["tmp"], &again["scratch"]), (&Value::Array(vec![]), &Value::Array(vec![])));
    world.leave();
}

#[test]
fn the_limits_of_xii_toml_are_those_of_the_cgroup() {
    let world = World::new();
    if !is_full(&world, "the_limits_of_xii_toml_are_those_of_the_cgroup") {
        return world.leave();
    }
    let app = deployed(&world);
    let instance = &world.ps("app")[0];
    let name = format!("xii-{}/{}", world.home_id(), instance["keeper"]);
    assert_eq!(limit(&name, "memory.limit_in_bytes", "memory.max"), (600u64 << 20).to_string());
    assert_eq!(limit(&name, "pids.max", "pids.max"), "77");
    let cpu = limit(&name, "cpu.cfs_quota_us", "cpu.max");
    assert!(cpu.starts_with("50000"), "{cpu}");
    let (uid, port) = (facts(&app, "/")["uid"].as_u64(), instance["port"].as_u64());
    assert!((70_000..100_000).contains(&uid.unwrap()), "{uid:?}");
    assert!((20_000..30_000).contains(&port.unwrap()), "{port:?}");
    world.leave();
}

/// A file of the cgroup, in whichever hierarchy has it.
fn limit(cgroup: &str, v1: &str, v2: &str) -> String {
    let machine = Hierarchies::of_this_machine();
    let roots = [&machine.memory, &machine.pids, &machine.cpu, &machine.unified];
    let files = roots
        .into_iter()
        .flatten()
        .flat_map(|root| [root.join(cgroup).join(v1), root.join(cgroup).join(v2)]);
    let text = files.into_iter().find_map(|file| std::fs::read_to_string(file).ok());
    text.unwrap_or_else(|| panic!("{cgroup} has no {v2}")).trim().to_string()
}
