//! Figures of the whole, printed as rows of a table. Ignored by default: a figure is no test.
//! A peer is measured in the same run, in turn with xii, on the same work.

mod deploy;
mod formation;
mod idle;
mod peers;
mod platform;
mod router;
mod start;

use crate::world::Checkout;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// Writes the time it began (nanoseconds since 1970) and stays until SIGTERM, or ends at once when
/// it has an argument.
const FIRST: &str = r#"
#include <stdio.h>
#include <time.h>
#include <unistd.h>
int main(int count, char **words) {
    struct timespec now;
    char line[40];
    clock_gettime(CLOCK_REALTIME, &now);
    int length = snprintf(line, sizeof line, "%lld%09ld\n", (long long)now.tv_sec, now.tv_nsec);
    if (write(1, line, length) != length) return 1;
    if (count == 1) pause();
    return 0;
}
"#;

/// Compiles it into a folder: static, so that any root runs it.
fn compile_first(folder: &Path) -> PathBuf {
    let (source, program) = (folder.join("first.c"), folder.join("first"));
    std::fs::write(&source, FIRST).unwrap();
    let mut compiler = Command::new("cc");
    compiler.args(["-O2", "-static", "-o"]).arg(&program).arg(&source);
    assert!(compiler.status().unwrap().success());
    program
}

fn timed(work: impl FnOnce()) -> f64 {
    let began = Instant::now();
    work();
    began.elapsed().as_secs_f64() * 1000.0
}

fn sorted(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values
}

fn median(values: &[f64]) -> f64 {
    sorted(values.to_vec())[(values.len() - 1) / 2]
}

fn row(what: &str, values: Vec<f64>, unit: &str) {
    let values = sorted(values);
    let at = |share: f64| values[((values.len() - 1) as f64 * share) as usize];
    let (median, p99, count) = (at(0.5), at(0.99), values.len());
    println!("| {what} | {median:.1} {unit} | {p99:.1} {unit} | {count} |");
}

/// One subject of a comparison, and what its runs took.
struct Subject<'a> {
    name: &'static str,
    run: Box<dyn FnMut() -> f64 + 'a>,
    values: Vec<f64>,
}

impl<'a> Subject<'a> {
    fn new(name: &'static str, run: impl FnMut() -> f64 + 'a) -> Subject<'a> {
        Subject { name, run: Box::new(run), values: Vec::new() }
    }
}

/// Runs all in turn; each row has its ratio to the first, whose name is the column's.
fn compare(rounds: usize, unit: &str, mut subjects: Vec<Subject<'_>>) {
    for round in 0..=rounds {
        for subject in &mut subjects {
            let value = (subject.run)();
            // The first round only warms caches.
            if round > 0 {
                subject.values.push(value);
            }
        }
    }
    let first = median(&subjects[0].values);
    println!("| what | median | p90 | {} ÷ it | n |\n|---|---|---|---|---|", subjects[0].name);
    for subject in subjects {
        let values = sorted(subject.values);
        let (middle, p90) = (median(&values), values[(values.len() - 1) * 9 / 10]);
        let name = subject.name;
        let ratio = first / middle;
        println!("| {name} | {middle:.1} {unit} | {p90:.1} {unit} | {ratio:.2} | {rounds} |");
    }
}

/// An app of nothing but that program, deployed with one idle process type.
fn first_app<'a>(world: &'a crate::world::World, name: &str) -> Checkout<'a> {
    let files = [
        ("Procfile", "first: exec ./first\n"),
        ("xii.toml", "[build]\ncommand = \"cc -O2 -static -o first first.c\"\n"),
        ("first.c", FIRST),
    ];
    let app = world.checkout(name, &files);
    let _ = app.xii(&["deploy"]).ok();
    app
}

/// Proportional set size in MB of a process; nothing when it is gone.
fn pss(pid: i32) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
    let kib = line.and_then(|text| text.trim().trim_end_matches(" kB").parse::<f64>().ok());
    kib.unwrap_or(0.0) / 1024.0
}

/// Milliseconds of processor time a process has used.
fn cpu_ms(pid: i32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let Some((_, fields)) = stat.rsplit_once(") ") else { return 0.0 };
    let ticks = fields.split(' ').skip(11).take(2).filter_map(|field| field.parse::<f64>().ok());
    // USER_HZ, proc(5)
    ticks.sum::<f64>() * 10.0
}
