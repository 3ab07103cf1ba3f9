//! From the request to the first instruction of a program, and what its keeper weighs.
//! `just bench-start`

use super::peers::{Bubblewrap, Crun, Podman};
use super::{Subject, compare, compile_first, pss};
use crate::cgroup_v2;
use crate::stage::{PATIENCE, Stage, open_to_all};
use rustix::pipe::{PipeFlags, pipe_with};
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};
use xii::keeper::{Notice, Output};
use xii::sandbox::Limits;

const ROUNDS: usize = 50;
/// Between two starts: a cgroup joined right after another costs less than one by itself.
const GAP: Duration = Duration::from_millis(60);

#[test]
#[ignore = "a figure, not a test"]
fn from_request_to_first_instruction() {
    let folder = tempfile::tempdir().unwrap();
    open_to_all(folder.path());
    let first = compile_first(folder.path());
    let bubblewrap = Bubblewrap::new(&first);
    let crun = Crun::new(folder.path(), &first);
    let podman = Podman::new(folder.path(), &first);
    let subjects = vec![
        Subject::new("xii, full", || xii(staged(&first))),
        Subject::new("xii, full without a cgroup", || {
            let mut stage = staged(&first);
            stage.spec.sandbox.cgroup = None;
            xii(stage)
        }),
        Subject::new("bare exec", || bare(&first)),
        Subject::new("bubblewrap", || start(bubblewrap.command())),
        Subject::new("crun run", || cgroup_v2::absent(|| start(crun.command()))),
        Subject::new("podman run", || cgroup_v2::absent(|| start(podman.command()))),
    ];
    compare(ROUNDS, "ms", subjects);
}

/// Without limits on both sides: where v2 stands beside v1, it has no controllers.
#[test]
#[ignore = "a figure, not a test"]
fn from_request_to_first_instruction_on_cgroup_v2() {
    let folder = tempfile::tempdir().unwrap();
    open_to_all(folder.path());
    let first = compile_first(folder.path());
    let bubblewrap = Bubblewrap::new(&first);
    let crun = Crun::new(folder.path(), &first).without_limits();
    let subjects = vec![
        Subject::new("xii, cgroup v2", || {
            let mut stage = staged(&first);
            stage.spec.sandbox.limits = Limits::default();
            let took = cgroup_v2::alone(|| run(&mut stage));
            stage.nothing_is_left();
            took
        }),
        Subject::new("bubblewrap, no cgroup", || start(bubblewrap.command())),
        Subject::new("crun run", || cgroup_v2::alone(|| start(crun.command()))),
    ];
    compare(ROUNDS, "ms", subjects);
}

/// What an instance gets: every namespace, a uid, seccomp, and a cgroup with limits.
fn staged(first: &Path) -> Stage {
    let mut stage = Stage::new(&["/app/first", "end"]);
    std::fs::copy(first, stage.path().join("app/first")).unwrap();
    stage.spec.sandbox.limits =
        Limits { memory_bytes: Some(512 << 20), pids: Some(1024), ..Limits::default() };
    stage.spec.output = Output::Passed;
    stage
}

fn xii(mut stage: Stage) -> f64 {
    let took = run(&mut stage);
    stage.nothing_is_left();
    took
}

fn run(stage: &mut Stage) -> f64 {
    let mut ended = None;
    let took = first_line(|stdout| {
        let null = || std::fs::File::options().read(true).write(true).open("/dev/null").unwrap();
        let stdio = [null().into(), stdout, null().into()];
        ended = Some(stage.start_with(Some(stdio), None));
    });
    // The keeper goes when somebody has heard of the end, if it is not gone already.
    let mut connection = ended.unwrap();
    while let Ok(Some(notice)) = connection.next_event(PATIENCE) {
        if matches!(notice, Notice::Exited(_)) {
            break;
        }
    }
    took
}

fn bare(first: &Path) -> f64 {
    let mut command = Command::new(first);
    command.arg("end");
    start(command)
}

fn start(mut command: Command) -> f64 {
    let mut child = None;
    let took = first_line(|stdout| {
        command.stdin(Stdio::null()).stdout(stdout).stderr(Stdio::inherit());
        child = Some(command.spawn().unwrap());
        // Else the pipe would never end.
        command.stdout(Stdio::null());
    });
    assert!(child.unwrap().wait().unwrap().success());
    took
}

/// Milliseconds from here to the time the program says it began.
fn first_line(start: impl FnOnce(OwnedFd)) -> f64 {
    std::thread::sleep(GAP);
    let (read, write) = pipe_with(PipeFlags::CLOEXEC).unwrap();
    let began = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    start(write);
    let mut said = String::new();
    std::fs::File::from(read).read_to_string(&mut said).unwrap();
    let first = said.trim().parse().expect(&said);
    (Duration::from_nanos(first) - began).as_secs_f64() * 1000.0
}

#[test]
#[ignore = "a figure, not a test"]
fn memory_of_a_hundred_keepers() {
    let mut stages: Vec<Stage> = (0..100).map(|_| Stage::new(&["sleep", "1000"])).collect();
    let began = Instant::now();
    let connections: Vec<_> = stages.iter_mut().map(Stage::start).collect();
    let took = began.elapsed().as_secs_f64();
    let all: f64 = stages.iter().map(|stage| pss(stage.pid.unwrap())).sum();
    println!("| what | each |\n|---|---|");
    println!("| a keeper, PSS, of 100 | {:.2} MB |", all / 100.0);
    println!("| 100 started one after another | {:.1} ms |", took * 10.0);
    drop(connections);
}
