//! A git checkout of a test's app.

use super::{Said, World};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A web process and a worker, in nothing but the host's python3: built in no time.
pub const WEB: &[(&str, &str)] = &[
    ("Procfile", "web: exec python3 -u web.py\nworker: exec python3 -u worker.py\n"),
    ("xii.toml", "[build]\ncommand = \"true\"\n"),
    ("web.py", include_str!("web.py")),
    ("worker.py", include_str!("worker.py")),
];

pub struct Checkout<'a> {
    world: &'a World,
    name: String,
    folder: PathBuf,
}

impl<'a> Checkout<'a> {
    pub fn new(world: &'a World, name: &str, files: &[(&str, &str)]) -> Checkout<'a> {
        let folder = world.folder().join("checkouts").join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let checkout = Checkout { world, name: name.to_string(), folder };
        checkout.git(&["init", "-q", "-b", "main"]);
        checkout.commit(files);
        checkout
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// `NAME.localhost`
    pub fn host(&self) -> String {
        format!("{}.localhost", self.name)
    }

    pub fn write(&self, path: &str, content: &str) {
        let path = self.folder.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// Writes the files and commits everything. Returns the commit.
    pub fn commit(&self, files: &[(&str, &str)]) -> String {
        files.iter().for_each(|(path, content)| self.write(path, content));
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", "change"]);
        self.git(&["rev-parse", "HEAD"])
    }

    pub fn git(&self, words: &[&str]) -> String {
        let output = Command::new("git")
            .args(["-c", "user.name=test", "-c", "user.email=test@localhost"])
            .args(words)
            .current_dir(&self.folder)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_SYSTEM", "/dev/null")
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().trim().to_string()
    }

    /// `xii` with these words in this checkout.
    pub fn xii(&self, words: &[&str]) -> Said {
        self.command(words).output().unwrap().into()
    }

    pub fn command(&self, words: &[&str]) -> Command {
        self.world.command(&self.folder, words)
    }

    /// `xii` with these words and this on its standard input.
    pub fn xii_fed(&self, words: &[&str], input: &[u8]) -> Said {
        let mut command = self.command(words);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A command that refuses may do so before it has read everything.
        let _ = child.stdin.take().unwrap().write_all(input);
        child.wait_with_output().unwrap().into()
    }

    /// A succeeding command's answer as JSON.
    #[track_caller]
    pub fn json(&self, words: &[&str]) -> serde_json::Value {
        self.xii(&[words, &["--json"]].concat()).ok().json()
    }

    /// The current release's number.
    pub fn release(&self) -> u64 {
        let number = &self.json(&["info"])["release"];
        number.as_u64().unwrap_or_else(|| panic!("no number: {number}"))
    }

    /// The body of a request through the router.
    pub fn body(&self, path: &str) -> String {
        let answer = self.world.get(&self.host(), path);
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.body
    }
}
