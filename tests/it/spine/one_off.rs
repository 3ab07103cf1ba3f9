//! `xii run`: a process in the current release, whose ends are the caller's own.

use crate::world::{Checkout, World, kill};
use std::io::{BufRead, BufReader, Read};
use std::process::Stdio;

#[test]
fn a_one_off_has_the_callers_streams_and_the_releases_environment() {
    let world = World::new();
    let app = world.deployed("shop");
    let _ = app.xii(&["config", "set", "COLOUR=red"]).ok();

    let said = app.xii(&["run", "echo out; echo err >&2; exit 7"]);
    assert_eq!((said.code, said.out.as_str(), said.err.as_str()), (7, "out\n", "err\n"));
    let said = app.xii(&["run", "--", "printf", "%s|", "a b", "$HOME", "'"]).ok();
    assert_eq!(said.out, "a b|$HOME|'|", "several words are an argv");
    assert_eq!(app.xii_fed(&["run", "wc", "-c"], &[7; 300_000]).ok().out.trim(), "300000");
    assert_eq!(app.xii(&["run", "cat"]).ok().out, "", "no input is an end of input");
    let _ = app.xii(&["run", "/no/such/command"]).refused(127, &[]);
    assert_eq!(app.xii(&["run", "kill -9 $$"]).code, 137);

    let env = app.xii(&["run", "-e", "COLOUR=blue", "-e", "X=1", "env"]).ok().out;
    for line in ["COLOUR=blue", "X=1", "XII_RELEASE=v2", "XII_APP=shop", "DYNO=run.1"] {
        assert!(env.lines().any(|found| found == line), "{line} is not in:\n{env}");
    }
    assert!(!env.contains("PORT=") && !env.contains("XII_HOME"), "{env}");
    assert_eq!(app.body("/env/COLOUR"), "red");
    has_the_user_and_the_walls_of_the_deploy(&app);
    a_signal_reaches_it(&app);
    world.leave();
}

fn has_the_user_and_the_walls_of_the_deploy(app: &Checkout<'_>) {
    let said = app.xii(&["run", "id -u; id -un; pwd; touch /app/x 2>/dev/null || echo read-only"]);
    let lines: Vec<String> = said.ok().out.lines().map(str::to_string).collect();
    assert_eq!(lines[1..], ["app", "/app", "read-only"]);
    if rustix::process::geteuid().is_root() {
        assert!(lines[0].parse::<u32>().unwrap() >= 70_000, "{lines:?}");
    }
}

fn a_signal_reaches_it(app: &Checkout<'_>) {
    let script = "trap 'echo caught; exit 5' INT; echo ready; while :; do sleep 0.05; done";
    let mut command = app.command(&["run", script]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut out = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    assert_eq!(line, "ready\n");
    kill(i32::try_from(child.id()).unwrap(), rustix::process::Signal::INT);
    let mut rest = String::new();
    out.read_to_string(&mut rest).unwrap();
    assert_eq!((rest.as_str(), child.wait().unwrap().code()), ("caught\n", Some(5)));
}

#[test]
fn a_one_off_ends_with_its_caller() {
    let world = World::new();
    let app = world.deployed("shop");
    let mut command = app.command(&["run", "echo ready; exec sleep 987654"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    world.until("the one-off is gone", || (!anybody_runs("sleep\x00987654")).then_some(()));
    world.leave();
}

fn anybody_runs(argv: &str) -> bool {
    let mut entries = std::fs::read_dir("/proc").unwrap().flatten();
    entries.any(|entry| {
        let found = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&found).starts_with(argv)
    })
}
