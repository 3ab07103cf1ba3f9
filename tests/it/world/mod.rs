//! A host of its own for a test: home, server, router, checkouts. Nothing leaks in, and
//! what is left behind at the end is a failure.

mod checkout;
mod disk;
mod http;
mod remains;
mod rootless;

pub use checkout::{Checkout, WEB};
pub use http::{Answer, Client, get};

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

pub const PATIENCE: Duration = Duration::from_secs(60);

pub struct World {
    /// What the home lies on, if not on the folder's disk; goes before the folder does.
    below: Option<Box<dyn std::any::Any + Send + Sync>>,
    /// Unmounted before its folder goes.
    disk: Option<disk::Disk>,
    folder: tempfile::TempDir,
    /// `127.0.0.1:PORT` of the router.
    http: std::sync::Mutex<String>,
    left: bool,
    /// The server and its clients run without root.
    rootless: bool,
    /// Where the server looks for toolchains, besides the system's own.
    tools: String,
}

/// What a command printed and how it ended.
#[derive(Debug)]
#[must_use]
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Said {
    /// The command must have succeeded.
    #[track_caller]
    pub fn ok(self) -> Said {
        assert_eq!(self.code, 0, "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        self
    }

    /// The command must have failed so, and said these words on stderr.
    #[track_caller]
    pub fn refused(self, code: i32, words: &[&str]) -> Said {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.out, self.err);
        for word in words {
            assert!(self.err.contains(word), "{word:?} is not in:\n{}", self.err);
        }
        self
    }

    /// These words stand in what it printed.
    #[track_caller]
    pub fn says(self, words: &[&str]) -> Said {
        for word in words {
            let found = self.out.contains(word) || self.err.contains(word);
            assert!(found, "{word:?} is not in:\n{}\n{}", self.out, self.err);
        }
        self
    }

    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out)
            .unwrap_or_else(|error| panic!("{error}: stdout:\n{}\nstderr:\n{}", self.out, self.err))
    }
}

impl From<Output> for Said {
    fn from(output: Output) -> Said {
        Said {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl World {
    /// With a server that is up.
    pub fn new() -> World {
        let world = World::without_server();
        world.up();
        world
    }

    pub fn without_server() -> World {
        // Short: socket paths end at 108 bytes.
        let folder = tempfile::Builder::new().prefix("xii").tempdir().unwrap();
        World {
            below: None,
            disk: None,
            folder,
            http: Default::default(),
            left: false,
            rootless: false,
            tools: String::new(),
        }
    }

    /// Whose server finds the toolchains that these tests were started with.
    pub fn with_tools() -> World {
        let mut world = World::without_server();
        world.tools = crate::workshop::path();
        world.up();
        world
    }

    pub fn up(&self) {
        let _ = self.xii(&["up"]).ok();
        let health = self.health();
        let http = health["http"].as_str().unwrap().trim_start_matches("http://");
        *self.http.lock().unwrap() = http.to_string();
    }

    /// Puts something below the home, such as a disk of its own.
    pub fn home_on(&mut self, put: impl FnOnce(&Path) -> Box<dyn std::any::Any + Send + Sync>) {
        self.below = Some(put(&self.home()));
    }

    /// Takes away what is below the home, when nothing runs any more.
    pub fn leave_home(&mut self) {
        self.below = None;
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn home(&self) -> PathBuf {
        self.folder().join("home")
    }

    pub fn home_id(&self) -> String {
        std::fs::read_to_string(self.home().join("id")).unwrap().trim().to_string()
    }

    /// The router's address.
    pub fn http(&self) -> String {
        self.http.lock().unwrap().clone()
    }

    pub fn health(&self) -> serde_json::Value {
        self.xii(&["status", "--json"]).ok().json()["server"].clone()
    }

    pub fn server_pid(&self) -> i32 {
        i32::try_from(self.health()["pid"].as_i64().unwrap()).unwrap()
    }

    /// `xii` with these words, outside of any checkout.
    pub fn xii(&self, words: &[&str]) -> Said {
        self.command(self.folder(), words).output().unwrap().into()
    }

    /// `xii` with these words in a folder, to be started.
    pub fn command(&self, folder: &Path, words: &[&str]) -> Command {
        let mut command = self.program();
        command
            .args(words)
            .current_dir(folder)
            .env_clear()
            .env("PATH", format!("/usr/local/bin:/usr/bin:/bin:/usr/sbin:{}", self.tools))
            .env("HOME", self.folder())
            .env("XII_HOME", self.home())
            .env("XII_HTTP", "127.0.0.1:0")
            .env("XII_ISOLATION", "best-effort")
            .env("XDG_RUNTIME_DIR", self.folder())
            .stdin(Stdio::null());
        command
    }

    /// A checkout of an app named so, with these files committed.
    pub fn checkout(&self, name: &str, files: &[(&str, &str)]) -> Checkout<'_> {
        Checkout::new(self, name, files)
    }

    /// The small web app of the tests, deployed. It answers with its release, and as its
    /// path asks.
    pub fn deployed(&self, name: &str) -> Checkout<'_> {
        let checkout = self.checkout(name, checkout::WEB);
        let _ = checkout.xii(&["deploy"]).ok();
        checkout
    }

    /// A request through the router.
    pub fn get(&self, host: &str, path: &str) -> Answer {
        get(&self.http(), host, path)
    }

    /// Everything a deploy has logged.
    pub fn log(&self, app: &str) -> String {
        self.xii(&["logs", "-a", app, "-n", "100000"]).ok().out
    }

    /// What runs of a deploy, as `xii ps` has it.
    pub fn ps(&self, deploy: &str) -> Vec<serde_json::Value> {
        let (app, deploy) = deploy.split_once('/').unwrap_or((deploy, "production"));
        let said = self.xii(&["ps", "-a", app, "-d", deploy, "--json"]).ok();
        said.json()["instances"].as_array().unwrap().clone()
    }

    /// Waits for a condition.
    #[track_caller]
    pub fn until<T>(&self, what: &str, condition: impl FnMut() -> Option<T>) -> T {
        self.within(PATIENCE, condition).unwrap_or_else(|| panic!("not in time: {what}"))
    }

    /// `None` when the condition does not come true in time.
    pub fn within<T>(
        &self,
        limit: Duration,
        mut condition: impl FnMut() -> Option<T>,
    ) -> Option<T> {
        let deadline = Instant::now() + limit;
        loop {
            let found = condition();
            if found.is_some() || Instant::now() > deadline {
                return found;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Where sockets and records are.
    pub fn run_dir(&self) -> PathBuf {
        remains::run_dir(self)
    }

    /// Kills the server as a power cut would, and waits until it is gone.
    pub fn kill_server(&self) {
        let pid = self.server_pid();
        kill(pid, rustix::process::Signal::KILL);
        self.until("the server is gone", || (!is_alive(pid)).then_some(()));
    }

    /// Ends everything; whatever is left is a failure.
    pub fn leave(mut self) {
        self.left = true;
        self.nothing_left();
    }

    /// As leaving, and the home can be used again.
    pub fn nothing_left(&self) {
        let _ = self.xii(&["down"]).ok();
        let left = remains::of(self);
        assert!(left.is_empty(), "left behind: {left:#?}");
    }
}

impl Drop for World {
    /// A test that failed, or does not look at what remains.
    fn drop(&mut self) {
        if !self.left && self.home().join("id").exists() {
            let _ = self.xii(&["down"]);
            remains::end(self);
        }
        self.below = None;
    }
}

pub fn kill(pid: i32, signal: rustix::process::Signal) {
    if let Some(pid) = rustix::process::Pid::from_raw(pid) {
        let _ = rustix::process::kill_process(pid, signal);
    }
}

/// A zombie is not alive.
pub fn is_alive(pid: i32) -> bool {
    xii::sandbox::process::start_time(pid).is_some()
}
