//! Builds that are bad on purpose: each ends with words for its author, and nobody else notices.

mod disk;
mod endless;
mod load;
mod neighbours;
mod packages;
mod registry;
mod sources;

use crate::world::{Checkout, WEB, World};
use xii::sandbox::cgroup::Hierarchies;

/// What a build could leave behind.
#[derive(Debug, PartialEq, Eq)]
struct Traces {
    builds: usize,
    tmp: Vec<String>,
    cgroups: Vec<String>,
    mounts: usize,
}

impl Traces {
    fn of(world: &World) -> Traces {
        let home = world.home();
        let names = |folder: &str| -> Vec<String> {
            let entries = std::fs::read_dir(home.join(folder)).unwrap();
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
        };
        let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
        let here = home.display().to_string();
        Traces {
            builds: names("builds").len(),
            tmp: names("tmp"),
            cgroups: Hierarchies::of_this_machine().list(&format!("xii-{}", world.home_id())),
            mounts: mounts.lines().filter(|line| line.contains(&here)).count(),
        }
    }
}

/// An app with a release that serves.
fn serving(world: &World) -> Checkout<'_> {
    world.deployed("shop")
}

/// The app's build becomes this shell script, with these lines in `[build]`.
fn build_with(app: &Checkout<'_>, settings: &str, script: &str) {
    app.commit(&[("xii.toml", &format!("[build]\n{settings}\ncommand = '''\n{script}\n'''\n"))]);
}

/// Deploys what must fail: the code, the words, and everything else is as it was.
#[track_caller]
fn refused(world: &World, app: &Checkout<'_>, code: i32, words: &[&str]) {
    let (before, release) = (Traces::of(world), app.release());
    let _ = app.xii(&["deploy"]).refused(code, words);
    assert_eq!(Traces::of(world), before);
    assert_eq!(app.release(), release);
    assert_eq!(app.body("/"), format!("v{release} web.1"));
}

/// The whole sandbox with its limits, or a word on why there is none.
fn is_confined(world: &World, test: &str) -> bool {
    let level = world.health()["isolation"].as_str().unwrap_or_default().to_string();
    if level != "full" {
        eprintln!("SKIP {test}: isolation is {level}");
    }
    level == "full"
}

/// The files of the tests' web app, and these.
fn with_web<'a>(files: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    WEB.iter().copied().chain(files.iter().copied()).collect()
}
