//! Figures of the whole, printed as rows of a table. Ignored by default: a figure is no test.
//! `just bench` runs them alone, in a release build, on a machine that does nothing else.

use crate::world::World;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};

/// Prints the time it is, and nothing else, a hundred times a second.
const CLOCK: &str =
    "import time\nwhile True:\n    print(time.time_ns(), flush=True)\n    time.sleep(0.01)\n";

fn row(what: &str, mut values: Vec<f64>, unit: &str) {
    values.sort_by(f64::total_cmp);
    let at = |share: f64| values[((values.len() - 1) as f64 * share) as usize];
    let (median, p99, count) = (at(0.5), at(0.99), values.len());
    println!("| {what} | {median:.1} {unit} | {p99:.1} {unit} | {count} |");
}

fn timed(mut work: impl FnMut()) -> f64 {
    let began = Instant::now();
    work();
    began.elapsed().as_secs_f64() * 1000.0
}

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

#[test]
#[ignore = "a figure, not a test"]
fn commands_and_deploys() {
    let world = World::new();
    let app = world.deployed("app");
    let read =
        |words: &[&str]| (0..30).map(|_| timed(|| drop(app.xii(words).ok()))).collect::<Vec<f64>>();
    row("`xii ps`", read(&["ps"]), "ms");
    row("`xii releases`", read(&["releases"]), "ms");
    row("`xii config`", read(&["config"]), "ms");
    let deploys = (0..10).map(|_| timed(|| drop(app.xii(&["deploy"]).ok()))).collect();
    row("`xii deploy`, nothing to build, all of it", deploys, "ms");
    let phases = ["build", "release"];
    let mut own = Vec::new();
    for _ in 0..10 {
        let receipt = app.xii(&["deploy", "--json"]).ok().json();
        let all = receipt["phases"].as_array().unwrap().clone();
        let sum = all.iter().filter(|p| phases.contains(&p["name"].as_str().unwrap()));
        own.push(sum.map(|p| p["ms"].as_f64().unwrap()).sum());
    }
    row("of it: build and release", own, "ms");
    world.leave();
}

#[test]
#[ignore = "a figure, not a test"]
fn memory_of_an_idle_platform_with_ten_instances() {
    let world = World::new();
    let app = world.deployed("app");
    let _ = app.xii(&["scale", "web=5", "worker=5"]).ok();
    let mut platform = 0.0;
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let folder = entry.path();
        let line = std::fs::read(folder.join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        let ours = line.starts_with("xii ") || line.starts_with("/proc/self/exe");
        let of_home = std::fs::read_to_string(folder.join("smaps_rollup")).unwrap_or_default();
        if ours {
            let pss = of_home.lines().find_map(|line| line.strip_prefix("Pss:"));
            let kib = pss.and_then(|text| text.trim().trim_end_matches(" kB").parse::<f64>().ok());
            platform += kib.unwrap_or(0.0) / 1024.0;
        }
    }
    row("server, router and 10 keepers together, PSS", vec![platform], "MB");
    world.leave();
}
