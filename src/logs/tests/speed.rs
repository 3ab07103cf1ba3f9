use super::*;
use rustix::time::{ClockId, clock_gettime};
use tempfile::TempDir;

/// Of this thread, so that a busy machine does not count.
pub fn cpu_seconds() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}

#[test]
#[ignore = "a measurement: run it alone, optimised"]
fn lines_per_cpu_second() {
    let dir = TempDir::new().unwrap();
    for size in [4096, 65536] {
        let line = format!("{}\n", "x".repeat(99));
        let chunk = line.repeat(size / line.len());
        let mut writer = writer(dir.path(), "web.1", size as u64);
        let started = cpu_seconds();
        let mut lines = 0;
        for n in 0.. {
            writer.write(chunk.as_bytes(), after(n));
            lines += chunk.len() / line.len();
            if lines > 1_000_000 {
                break;
            }
        }
        let rate = lines as f64 / (cpu_seconds() - started);
        eprintln!("{size:>6} byte reads: {:.2} million lines per CPU second", rate / 1e6);
    }
}
