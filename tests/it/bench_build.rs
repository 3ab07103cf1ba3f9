//! xii's whole build beside the bare tool's, in one alternating run; and the disk it takes.
//! Ignored by default: a figure is no test. `just bench-build`

use crate::world::{Checkout, World};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

const ROUNDS: usize = 3;

/// What is built, and how one would do it by hand.
struct Subject {
    name: &'static str,
    files: Vec<(&'static str, String)>,
    /// Makes the lock, once, beside the files.
    lock: Option<(&'static str, &'static str)>,
    /// In a fresh checkout; `$CACHE` is the tool's cache.
    bare: &'static str,
    /// A file whose change leaves the dependencies alone.
    source: &'static str,
}

fn subjects() -> Vec<Subject> {
    let python = [
        ("Procfile", "web: gunicorn app:app"),
        (".python-version", "3.11\n"),
        (
            "requirements.txt",
            "flask==3.1.0\ngunicorn==23.0.0\nsqlalchemy==2.0.36\nrequests==2.32.3\n",
        ),
        (
            "app.py",
            "from flask import Flask\napp = Flask(__name__)\n@app.get('/')\ndef hello():\n    return 'hello'\n",
        ),
    ];
    let node = [
        ("Procfile", "web: node server.js"),
        (
            "package.json",
            r#"{"name": "bench", "version": "1.0.0", "engines": {"node": "20.x"}, "dependencies": {"express": "4.21.1", "lodash": "4.17.21", "pino": "9.5.0"}}"#,
        ),
        (
            "server.js",
            "require('express')().get('/', (q, r) => r.send('hello')).listen(process.env.PORT)\n",
        ),
    ];
    let rust = [
        ("Procfile", "web: ./target/release/bench"),
        (
            "Cargo.toml",
            "[package]\nname = \"bench\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[dependencies]\nserde = { version = \"=1.0.215\", features = [\"derive\"] }\nserde_json = \"=1.0.133\"\nregex = \"=1.11.1\"\n",
        ),
        ("src/main.rs", include_str!("bench_build_main.txt")),
    ];
    let owned = |files: &[(&'static str, &str)]| {
        files.iter().map(|(path, text)| (*path, text.to_string())).collect::<Vec<_>>()
    };
    vec![
        Subject {
            name: "Python, pip",
            files: owned(&python),
            lock: None,
            bare: "python3 -m venv .venv && PIP_CACHE_DIR=$CACHE .venv/bin/pip install -q --disable-pip-version-check -r requirements.txt",
            source: "app.py",
        },
        Subject {
            name: "Node.js, npm",
            files: owned(&node),
            lock: Some(("package-lock.json", "npm install --package-lock-only --silent")),
            bare: "npm_config_cache=$CACHE npm ci --silent --no-audit --no-fund",
            source: "server.js",
        },
        Subject {
            name: "Rust, cargo",
            files: owned(&rust),
            lock: Some(("Cargo.lock", "cargo generate-lockfile -q")),
            bare: "CARGO_HOME=$CACHE/home CARGO_TARGET_DIR=$CACHE/target cargo build -q --release --locked && mkdir -p target && cp $CACHE/target/release/bench target/",
            source: "src/main.rs",
        },
    ]
}

#[test]
#[ignore = "a figure, not a test"]
fn builds_beside_the_bare_tool() {
    let only = std::env::var("XII_TEST_BENCH_ONLY").unwrap_or_default();
    println!("| build | bare tool | xii | xii / bare |\n|---|---|---|---|");
    for subject in subjects().iter().filter(|subject| subject.name.contains(&only)) {
        measure(subject);
    }
}

fn measure(subject: &Subject) {
    let world = World::with_tools();
    let mut files = subject.files.clone();
    files.extend(locked(&world, subject));
    let borrowed: Vec<(&str, &str)> = files.iter().map(|(p, t)| (*p, t.as_str())).collect();
    let app = world.checkout("bench", &borrowed);
    // Toolchains are copied or fetched once for a server; that is no part of a build.
    build_ms(&app);
    let cache = world.folder().join("bare-cache");
    let (mut bare, mut ours) = ([vec![], vec![]], [vec![], vec![], vec![]]);
    for round in 0..ROUNDS {
        let _ = std::fs::remove_dir_all(&cache);
        let _ = std::fs::remove_dir_all(world.home().join("cache/bench"));
        bare[0].push(by_hand(&world, subject, &files, &cache));
        touch(&app, subject, round * 2);
        ours[0].push(build_ms(&app));
        bare[1].push(by_hand(&world, subject, &files, &cache));
        touch(&app, subject, round * 2 + 1);
        ours[1].push(build_ms(&app));
        ours[2].push(build_ms(&app));
    }
    for (at, what) in ["cold caches", "source changed"].into_iter().enumerate() {
        let (bare, ours) = (median(&mut bare[at]), median(&mut ours[at]));
        println!("| {}, {what} | {bare:.2} s | {ours:.2} s | {:.2} |", subject.name, ours / bare);
    }
    println!("| {}, nothing changed | – | {:.3} s | – |", subject.name, median(&mut ours[2]));
    disk(&world, subject);
    world.leave();
}

/// Seconds of the `build` phase, as the receipt has them.
fn build_ms(app: &Checkout<'_>) -> f64 {
    let said = app.xii(&["deploy", "--json"]).ok();
    let receipt = said.out.lines().rev().find_map(|line| {
        let value: serde_json::Value = serde_json::from_str(line).ok()?;
        let receipt = value.get("receipt").cloned().unwrap_or(value);
        receipt.get("phases").is_some().then_some(receipt)
    });
    let receipt = receipt.unwrap_or_else(|| said.json());
    let phases = receipt["phases"].as_array().unwrap();
    let build = phases.iter().find(|phase| phase["name"] == "build").unwrap();
    build["ms"].as_f64().unwrap() / 1000.0
}

fn touch(app: &Checkout<'_>, subject: &Subject, round: usize) {
    let text = subject.files.iter().find(|(path, _)| *path == subject.source).unwrap();
    let mark = if subject.source.ends_with(".py") { "#" } else { "//" };
    app.commit(&[(subject.source, &format!("{}{mark} {round}\n", text.1))]);
}

fn locked(world: &World, subject: &Subject) -> Option<(&'static str, String)> {
    let (name, command) = subject.lock?;
    let folder = written(world, "lock", &subject.files);
    shell(command, &folder, &folder);
    Some((name, std::fs::read_to_string(folder.join(name)).unwrap()))
}

fn written(world: &World, name: &str, files: &[(&str, String)]) -> PathBuf {
    let folder = world.folder().join(name);
    let _ = std::fs::remove_dir_all(&folder);
    for (path, text) in files {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

fn by_hand(world: &World, subject: &Subject, files: &[(&str, String)], cache: &Path) -> f64 {
    let folder = written(world, "bare", files);
    let began = Instant::now();
    shell(subject.bare, &folder, cache);
    began.elapsed().as_secs_f64()
}

fn shell(command: &str, folder: &Path, cache: &Path) {
    let output = Command::new("sh")
        .args(["-ec", command])
        .current_dir(folder)
        .env("CACHE", cache)
        .env("PYENV_VERSION", "system")
        .output()
        .unwrap();
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
}

fn disk(world: &World, subject: &Subject) {
    let size = |path: &Path| {
        let output = Command::new("du").args(["-sk"]).arg(path).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        text.split_whitespace().next().and_then(|n| n.parse::<f64>().ok()).unwrap_or(0.0) / 1024.0
    };
    let builds = world.home().join("builds");
    let count = std::fs::read_dir(&builds).unwrap().count();
    let (all, shared) = (size(&builds), size(&world.home().join("stacks")));
    let cache = size(&world.home().join("cache"));
    println!(
        "| {}, disk | | {count} builds {all:.0} MB, {:.1} MB each; shared by all apps {shared:.0} MB; cache {cache:.0} MB | – |",
        subject.name,
        all / count as f64,
    );
}

fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
