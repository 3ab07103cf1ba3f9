//! One real stack for all tests: made once, kept between runs, copied by hard links.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use xii::build::stack::{self, Archive, Root, Suite, Wanted};
use xii::keeper::Cancel;
use xii::store::Home;

/// A home that has the stack.
pub struct Made {
    pub home: Home,
    pub root: Root,
    /// Of a test's own; the shared one stays.
    _dir: tempfile::TempDir,
}

static SHARED: Mutex<Option<Root>> = Mutex::new(None);

/// The folder that stays between runs.
fn shared_folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("stacks")
}

/// With one small package beyond the base.
pub fn wanted() -> Wanted {
    Wanted::new(Suite::Debian12, ["less"]).unwrap()
}

/// The shared stack; `None`, and said, where none can be made.
pub fn ready(test: &str) -> Option<Root> {
    if crate::stage::skip_without_root(test) {
        return None;
    }
    for tool in ["/usr/bin/apt-get", "/usr/bin/dpkg-deb", "/usr/bin/perl", "/usr/bin/unshare"] {
        if !Path::new(tool).exists() {
            eprintln!("SKIP {test}: needs {tool}");
            return None;
        }
    }
    Some(shared())
}

/// A home of the test's own with the stack in it.
pub fn made(test: &str) -> Option<Made> {
    let root = ready(test)?;
    let dir = tempfile::Builder::new().prefix("xii").tempdir().unwrap();
    let home = Home::open(&dir.path().join("home"), &dir.path().join("run")).unwrap();
    put_into(&home.stacks());
    Some(Made { home, root, _dir: dir })
}

/// Copies the shared stack into the folder of a home's stacks.
pub fn put_into(stacks: &Path) {
    let from = shared_folder().join("home/stacks/.");
    let copy = |how: &str| Command::new("cp").args([how, "-T"]).arg(&from).arg(stacks).status();
    // Hard links where both are of one file system.
    if !copy("-al").unwrap().success() {
        assert!(copy("-a").unwrap().success());
    }
}

fn shared() -> Root {
    let mut shared = SHARED.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    shared.get_or_insert_with(make).clone()
}

fn make() -> Root {
    let folder = shared_folder();
    let home = Home::open(&folder.join("home"), &folder.join("run")).unwrap();
    stack::make(&home, &Archive::OfHost, &wanted(), &Cancel::new().unwrap(), &mut |line| {
        eprintln!("{line}")
    })
    .unwrap()
}
