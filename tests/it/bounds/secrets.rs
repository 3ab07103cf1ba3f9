//! Where a secret must not be seen while it is set, deployed and used.

use crate::world::World;
use std::io::Write;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};

const SECRET: &str = "c0ffee-is-a-secret-4711";

#[test]
fn a_secret_is_in_no_command_line_and_nowhere_in_the_home_in_clear() {
    let world = World::new();
    let app = world.checkout("app", crate::world::WEB);
    let done = AtomicBool::new(false);
    let seen = std::thread::scope(|scope| {
        let watcher = scope.spawn(|| watch(&done));
        let _ = app.xii(&["deploy"]).ok();
        let mut import = app.command(&["config", "import", "-"]);
        let mut import = import.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let line = format!("TOKEN={SECRET}\n");
        import.stdin.take().unwrap().write_all(line.as_bytes()).unwrap();
        assert!(import.wait().unwrap().success());
        assert_eq!(app.body("/env/TOKEN"), SECRET);
        let _ = app.xii(&["scale", "worker=1"]).ok();
        let said = app.xii(&["run", "--", "sh", "-c", "printf %s \"$TOKEN\""]).ok();
        assert_eq!(said.out, SECRET);
        app.commit(&[("more", "")]);
        let _ = app.xii(&["deploy"]).ok();
        done.store(true, Ordering::Relaxed);
        watcher.join().unwrap()
    });
    assert_eq!(seen, None);
    for folder in [world.home(), world.run_dir()] {
        assert_eq!(holding(&folder), None, "a file holds the secret in clear");
    }
    world.leave();
}

/// The first command line on this machine that has the secret in it.
fn watch(done: &AtomicBool) -> Option<String> {
    while !done.load(Ordering::Relaxed) {
        let lines = std::fs::read_dir("/proc").unwrap().flatten();
        let lines = lines.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
        let mut lines = lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " "));
        if let Some(line) = lines.find(|line| line.contains(SECRET)) {
            return Some(line);
        }
        std::thread::sleep(std::time::Duration::from_millis(2));
    }
    None
}

fn holding(folder: &Path) -> Option<std::path::PathBuf> {
    std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()).find_map(|path| {
        let kind = path.symlink_metadata().unwrap().file_type();
        if kind.is_dir() {
            return holding(&path);
        }
        let bytes = if kind.is_file() { std::fs::read(&path).unwrap() } else { Vec::new() };
        bytes.windows(SECRET.len()).any(|part| part == SECRET.as_bytes()).then_some(path)
    })
}
