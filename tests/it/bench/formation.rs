//! From the order for ten processes to the first instruction of the tenth, beside programs that
//! start a Procfile. `just bench-start`

use super::{Subject, compare, compile_first, first_app};
use crate::world::{World, kill};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, SystemTime};

const ROUNDS: usize = 10;
const COUNT: usize = 10;

#[test]
#[ignore = "a figure, not a test"]
fn from_the_order_to_ten_processes() {
    let world = World::new();
    let app = first_app(&world, "first");
    let folder = tempfile::tempdir().unwrap();
    let first = compile_first(folder.path());
    let procfile = format!("first: exec {}\n", first.display());
    std::fs::write(folder.path().join("Procfile"), procfile).unwrap();
    let xii = || {
        let began = now();
        let _ = app.xii(&["scale", "first=10"]).ok();
        let last = world.until("ten lines", || last_of(began, &world.log("first")));
        let _ = app.xii(&["scale", "first=0"]).ok();
        last
    };
    let mut subjects = vec![Subject::new("`xii scale first=10`", xii)];
    if is_there("honcho") {
        let honcho = || start(folder.path(), "honcho", &["start", "-c", "first=10"]);
        subjects.push(Subject::new("`honcho start -c first=10`", honcho));
    }
    if is_there("foreman") {
        let foreman = || start(folder.path(), "foreman", &["start", "-m", "first=10"]);
        subjects.push(Subject::new("`foreman start -m first=10`", foreman));
    }
    compare(ROUNDS, "ms", subjects);
    drop(app);
    world.leave();
}

fn is_there(program: &str) -> bool {
    let found = Command::new(program).arg("version").output().is_ok();
    if !found {
        println!("not measured, because it is not on PATH: {program}");
    }
    found
}

fn start(folder: &Path, program: &str, words: &[&str]) -> f64 {
    let mut command = Command::new(program);
    command.args(words).current_dir(folder).stdin(Stdio::null());
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    let began = now();
    let mut child = command.spawn().unwrap();
    let mut said = String::new();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let last = loop {
        said.push_str(&lines.next().expect("ten lines"));
        said.push('\n');
        if let Some(last) = last_of(began, &said) {
            break last;
        }
    };
    kill(i32::try_from(child.id()).unwrap(), rustix::process::Signal::TERM);
    lines.for_each(drop);
    child.wait().unwrap();
    last
}

fn now() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap()
}

/// Milliseconds until the last of ten said it began, once all have.
fn last_of(began: Duration, said: &str) -> Option<f64> {
    let times = said.lines().filter_map(|line| line.split_whitespace().last()?.parse().ok());
    let times: Vec<_> = times.map(Duration::from_nanos).filter(|time| *time > began).collect();
    let last = times.iter().max()?;
    (times.len() == COUNT).then(|| (*last - began).as_secs_f64() * 1000.0)
}
