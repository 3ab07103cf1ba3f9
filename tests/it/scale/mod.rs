//! How times and memory grow: each size is ten times the one before. `just bench-scale`; a figure
//! is no test, so all of it is ignored by default. What must not grow worse than linearly has a
//! test of its own beside the code.

mod apps;
mod ledger;
mod plan;
mod table;

use std::time::Instant;

/// Rows of one question, and the growth from each size to the next.
struct Rows {
    what: String,
    last: Option<(usize, f64)>,
}

impl Rows {
    fn of(what: &str) -> Rows {
        Rows { what: what.to_string(), last: None }
    }

    fn add(&mut self, n: usize, ms: f64, memory: &str) {
        let growth = match self.last {
            Some((less, before)) => {
                format!("× {:.1} for × {:.0}", ms / before, n as f64 / less as f64)
            }
            None => "–".to_string(),
        };
        println!("| {} | {n} | {ms:.2} ms | {growth} | {memory} |", self.what);
        self.last = Some((n, ms));
    }
}

fn heading() {
    println!("| what | n | time | growth | memory |\n|---|---|---|---|---|");
}

/// The best of a few: what else the machine did is in the others.
fn best(mut work: impl FnMut()) -> f64 {
    (0..5).map(|_| once(&mut work)).fold(f64::MAX, f64::min)
}

fn once(work: impl FnOnce()) -> f64 {
    let began = Instant::now();
    work();
    began.elapsed().as_secs_f64() * 1000.0
}

/// The same in time of the processor, for work that waits for nothing.
fn best_cpu(mut work: impl FnMut()) -> f64 {
    let now = || {
        let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        now.tv_sec as f64 * 1e3 + now.tv_nsec as f64 / 1e6
    };
    let once = |_| {
        let began = now();
        work();
        now() - began
    };
    (0..5).map(once).fold(f64::MAX, f64::min)
}

/// Of this process, in MB.
fn resident() -> f64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse::<f64>().unwrap() / 1024.0
}

/// Of another process, proportionally, in MB.
fn proportional(pid: i32) -> String {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:")).unwrap_or("0 kB");
    let kib = line.split_whitespace().next().unwrap().parse::<f64>().unwrap();
    format!("{:.1} MB PSS", kib / 1024.0)
}
