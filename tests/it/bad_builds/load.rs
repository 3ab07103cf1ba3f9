//! A build takes all the CPU it can get, and a running app hardly notices.

use super::{build_with, is_confined};
use crate::world::{Client, World};
use std::process::Stdio;
use std::time::{Duration, Instant};
use xii::sandbox::cgroup::Hierarchies;

/// One process that works for each answer as long as a page takes.
const BUSY: &str = "\
import os
from http.server import BaseHTTPRequestHandler, HTTPServer
class Handler(BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def do_GET(self):
        body = str(sum(index * index for index in range(20000))).encode()
        self.send_response(200)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args):
        pass
HTTPServer(('0.0.0.0', int(os.environ['PORT'])), Handler).serve_forever()
";

const WINDOW: Duration = Duration::from_secs(1);
const WINDOWS: usize = 4;
/// Of the throughput without a build.
const LEAST: f64 = 0.6;

#[test]
fn a_build_that_burns_every_core_does_not_slow_a_running_app() {
    let test = "a_build_that_burns_every_core_does_not_slow_a_running_app";
    let world = World::new();
    if !is_confined(&world, test) {
        return world.leave();
    }
    if !weighs_the_cpu() {
        eprintln!("SKIP {test}: this machine has no cpu controller");
        return world.leave();
    }
    let app = world.checkout("busy", &[("busy.py", BUSY)]);
    app.commit(&[("Procfile", "web: exec python3 busy.py\n")]);
    build_with(&app, "", "true");
    let _ = app.xii(&["deploy"]).ok();
    let host = app.host();
    let mut client = Client::open(&world.http()).unwrap();
    let mut alone = answers(&mut client, &host, WINDOWS);

    let builder = world.checkout("builder", &[("Procfile", "web: true\n")]);
    let cores = std::thread::available_parallelism().unwrap().get();
    let script = format!(
        "for core in $(seq {cores}); do while [ ! -e /cache/stop ]; do :; done & done\n\
         touch /cache/burning; wait; exit 1"
    );
    build_with(&builder, "timeout = \"2m\"", &script);
    let mut deploy = builder.command(&["deploy"]);
    let deploy = deploy.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let tools = world.home().join("cache/builder/tools");
    world.until("the build burns", || tools.join("burning").exists().then_some(()));
    let beside = answers(&mut client, &host, WINDOWS);
    std::fs::write(tools.join("stop"), "").unwrap();
    let _ = deploy.unwrap().wait().unwrap();
    alone.extend(answers(&mut client, &host, WINDOWS / 2));

    // The best of each: what else this machine did hit both.
    let best = |windows: &[Window]| windows.iter().map(|window| window.answers).max().unwrap();
    let slowest = |windows: &[Window]| windows.iter().map(|window| window.slowest).min().unwrap();
    let share = best(&beside) as f64 / best(&alone) as f64;
    eprintln!(
        "{test}: {} answers a second alone, {} beside {cores} burners ({:.0} %); slowest answer \
         of the best second {:?} and {:?}",
        best(&alone),
        best(&beside),
        share * 100.0,
        slowest(&alone),
        slowest(&beside)
    );
    assert!(share >= LEAST, "{share}: {alone:?} {beside:?}");
    world.leave();
}

#[derive(Debug)]
struct Window {
    answers: u32,
    slowest: Duration,
}

/// One request after the other.
fn answers(client: &mut Client, host: &str, windows: usize) -> Vec<Window> {
    let window = |_| {
        let (began, mut answers, mut slowest) = (Instant::now(), 0, Duration::ZERO);
        while began.elapsed() < WINDOW {
            let asked = Instant::now();
            assert_eq!(client.get(host, "/").unwrap().status, 200);
            slowest = slowest.max(asked.elapsed());
            answers += 1;
        }
        Window { answers, slowest }
    };
    (0..windows).map(window).collect()
}

fn weighs_the_cpu() -> bool {
    let machine = Hierarchies::of_this_machine();
    let offered = |root: std::path::PathBuf| {
        let text = std::fs::read_to_string(root.join("cgroup.controllers")).unwrap_or_default();
        text.split_whitespace().any(|name| name == "cpu")
    };
    machine.cpu.is_some() || machine.unified.is_some_and(offered)
}
