//! From print to tail, and the commands that only read. `just bench`

use super::{Subject, compare, row, timed};
use crate::world::World;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Prints the time it is, and nothing else, a hundred times a second.
const CLOCK: &str =
    "import time\nwhile True:\n    print(time.time_ns(), flush=True)\n    time.sleep(0.01)\n";

#[test]
#[ignore = "a figure, not a test"]
fn from_print_to_tail() {
    let world = World::new();
    let files = [
        ("Procfile", "clock: exec python3 clock.py\n"),
        ("xii.toml", "[build]\ncommand = \"true\"\n"),
        ("clock.py", CLOCK),
    ];
    let app = world.checkout("clock", &files);
    let _ = app.xii(&["deploy"]).ok();
    let _ = app.xii(&["scale", "clock=1"]).ok();
    let mut tail = app
        .command(&["logs", "--tail", "-n", "0", "--source", "app"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(tail.stdout.take().unwrap()).lines();
    let latency = |line: String| -> Option<f64> {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let printed: u64 = line.rsplit(' ').next()?.parse().ok()?;
        Some((now - Duration::from_nanos(printed)).as_secs_f64() * 1000.0)
    };
    let values = lines.map(|line| line.unwrap()).filter_map(latency).skip(20).take(500).collect();
    let _ = tail.kill();
    let _ = tail.wait();
    row("a line, from the app's print to `xii logs --tail`", values, "ms");
    world.leave();
}

/// `just bench-cli`
#[test]
#[ignore = "a figure, not a test"]
fn commands_that_read() {
    let world = World::new();
    let app = world.deployed("app");
    let _ = app.xii(&["scale", "web=5", "worker=5"]).ok();
    let read = |words: &'static [&'static str]| {
        let app = &app;
        move || timed(|| drop(app.xii(words).ok()))
    };
    let podman = || timed(|| drop(Command::new("podman").args(["ps", "-a"]).output().unwrap()));
    let subjects = vec![
        Subject::new("`xii ps`", read(&["ps"])),
        Subject::new("`xii releases`", read(&["releases"])),
        Subject::new("`xii config`", read(&["config"])),
        Subject::new("`xii logs -n 100`", read(&["logs", "-n", "100"])),
        Subject::new("`xii apps`", read(&["apps"])),
        Subject::new("`podman ps -a`", podman),
    ];
    compare(30, "ms", subjects);
    drop(app);
    world.leave();
}
