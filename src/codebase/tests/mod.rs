//! Real repositories, made by git itself in folders that go away.

mod opened;
mod refused;
mod sent;
mod stream;

use super::*;
use crate::app::Failure;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStringExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

struct Repo {
    dir: TempDir,
}

impl Repo {
    fn empty() -> Repo {
        let repo = Repo { dir: TempDir::new().unwrap() };
        repo.git(["init", "-q", "-b", "main"]);
        repo
    }

    fn with(files: &[(&str, &str)]) -> Repo {
        let repo = Repo::empty();
        files.iter().for_each(|(path, content)| repo.put(path, content));
        repo.commit("First version");
        repo
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn put(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    fn commit(&self, message: &str) {
        self.git(["add", "-A"]);
        self.git(["commit", "-q", "--allow-empty", "-m", message]);
    }

    fn git<S: AsRef<OsStr>, const N: usize>(&self, args: [S; N]) -> String {
        git(self.path(), args)
    }

    fn open(&self, options: Options) -> Result<Checkout, Failure> {
        Checkout::open(self.path(), options)
    }
}

fn git<S: AsRef<OsStr>, const N: usize>(folder: &Path, args: [S; N]) -> String {
    #[allow(clippy::disallowed_methods, reason = "a test makes the repositories it reads")]
    let output = Command::new("git")
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .args(["-c", "user.name=Ada", "-c", "user.email=ada@example.org"])
        .args(["-c", "protocol.file.allow=always", "-c", "core.hooksPath=/dev/null"])
        .arg("-C")
        .arg(folder)
        .args(args)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim_end().to_string()
}

fn head() -> Options {
    Options::default()
}

fn dirty() -> Options {
    Options { dirty: true, ..Options::default() }
}

fn subdir(name: &str) -> Options {
    Options { subdir: Some(name.into()), ..Options::default() }
}

fn revision(name: &str) -> Options {
    Options { revision: Some(name.into()), ..Options::default() }
}

fn tar(checkout: &Checkout) -> Vec<u8> {
    let mut bytes = Vec::new();
    checkout.write_tar(&mut bytes).unwrap();
    bytes
}

const LIMITS: Limits = Limits { entries: 1000, bytes: 64 << 20 };

/// What a server has after the deploy of a checkout.
fn arrived(checkout: &Checkout) -> BTreeMap<String, String> {
    let dir = TempDir::new().unwrap();
    let source = dir.path().join("source");
    unpack(&tar(checkout)[..], &source, LIMITS).unwrap();
    tree(&source)
}

/// Path → `mode content` or `-> target`, without `.git`.
fn tree(dir: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(dir.join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let path = folder.join(entry.file_name());
            let metadata = entry.metadata().unwrap();
            if entry.file_name() == ".git" {
                continue;
            }
            let value = if metadata.is_dir() {
                folders.push(path);
                continue;
            } else if metadata.is_symlink() {
                format!("-> {}", std::fs::read_link(entry.path()).unwrap().display())
            } else {
                let content = std::fs::read(entry.path()).unwrap();
                let text = String::from_utf8_lossy(&content);
                format!("{:o} {text}", metadata.permissions().mode() & 0o777)
            };
            // Escaped, so that a name that is not text stays itself.
            let name = path.into_os_string().into_vec().escape_ascii().to_string();
            found.insert(name, value);
        }
    }
    found
}

fn names(tree: &BTreeMap<String, String>) -> Vec<&str> {
    tree.keys().map(String::as_str).collect()
}
