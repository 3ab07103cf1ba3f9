//! A keeper under test: its folders, its spec, and the proof that nothing stays behind.

use std::collections::BTreeMap;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};
use xii::app::{InstanceId, ReleaseNumber};
use xii::keeper::{Connection, KeeperSpec, Notice, Output, Restart, Status};
use xii::sandbox::cgroup::Hierarchies;
use xii::sandbox::process::start_time;
use xii::sandbox::{Env, Level, Limits, Mount, Root, Sandbox, User};

pub const PATIENCE: Duration = Duration::from_secs(30);

static NEXT: AtomicU32 = AtomicU32::new(1);

pub struct Stage {
    pub folder: tempfile::TempDir,
    pub spec: KeeperSpec,
    pub pid: Option<i32>,
}

pub fn xii() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_xii"))
}

/// Says why on stderr and gives `true` where a test cannot run.
pub fn skip_without_root(test: &str) -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        eprintln!("SKIP {test}: needs root");
    }
    !root
}

impl Stage {
    /// A shell command in a full sandbox, not restarted.
    pub fn shell(command: &str) -> Stage {
        Stage::new(&["sh", "-c", command])
    }

    pub fn new(argv: &[&str]) -> Stage {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_path_buf();
        open_to_all(&path);
        std::fs::create_dir(path.join("app")).unwrap();
        std::fs::create_dir(path.join("records")).unwrap();
        open_to_all(&path.join("app"));
        let home = format!("xii-{:04x}{number:04x}", std::process::id() & 0xffff);
        let uid = 96_000 + number;
        let mut env = Env(BTreeMap::new());
        env.set("PATH", "/usr/bin:/bin");
        let mount = Mount::ReadOnly { source: path.join("app"), target: PathBuf::from("/app") };
        let spec = KeeperSpec {
            v: xii::keeper::VERSION,
            deploy: "guestbook/production".parse().unwrap(),
            instance: InstanceId {
                process_type: "web".parse().unwrap(),
                index: 1,
                keeper: number.into(),
            },
            release: Some(ReleaseNumber(1)),
            nonce: format!("nonce-{number}"),
            port: Some(20_000),
            socket: path.join("keeper.sock"),
            record: path.join("records/1.json"),
            sandbox: Sandbox {
                level: Level::Full,
                root: Root::Host,
                mounts: vec![mount],
                user: User { uid, gid: uid },
                hostname: "guestbook-web-1".into(),
                cwd: "/app".into(),
                limits: Limits::default(),
                cgroup: Some(format!("{home}/{number}")),
                guarded: false,
            },
            argv: argv.iter().map(|word| word.to_string()).collect(),
            env,
            output: Output::Log { dir: path.join("logs"), label: "app[web.1]".into() },
            restart: Restart::Never,
            stop_window_ms: 20_000,
            attached: false,
        };
        Stage { folder, spec, pid: None }
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn restarted(mut self, first_ms: u64, most_ms: u64, healthy_ms: u64) -> Stage {
        self.spec.restart = Restart::Always { first_ms, most_ms, healthy_ms };
        self
    }

    /// Starts the keeper and connects to it.
    pub fn start(&mut self) -> Connection {
        self.start_with(None, None)
    }

    pub fn start_with(
        &mut self,
        passed: Option<[OwnedFd; 3]>,
        lifeline: Option<OwnedFd>,
    ) -> Connection {
        let started = xii::keeper::start(xii(), &self.spec, passed, lifeline).unwrap();
        self.pid = Some(started.pid);
        Connection::open(&self.spec.socket).unwrap()
    }

    /// Runs it to its end: the final result and everything it wrote.
    pub fn run(mut self) -> (xii::keeper::Exit, String) {
        let mut connection = self.start();
        let exit = final_exit(&mut connection);
        let log = self.log();
        self.nothing_is_left();
        (exit, log)
    }

    pub fn log(&self) -> String {
        let Output::Log { dir, .. } = &self.spec.output else { return String::new() };
        let mut text = String::new();
        let mut folders = vec![dir.clone()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                match entry.path() {
                    path if path.is_dir() => folders.push(path),
                    path => text.push_str(&String::from_utf8_lossy(&std::fs::read(path).unwrap())),
                }
            }
        }
        text
    }

    pub fn wait_for_log(&self, words: &str) -> String {
        wait_until(&format!("`{words}` in the log"), || {
            let log = self.log();
            log.contains(words).then_some(log)
        })
    }

    pub fn cgroup(&self) -> xii::sandbox::cgroup::Cgroup {
        Hierarchies::of_this_machine().cgroup(self.spec.sandbox.cgroup.as_ref().unwrap())
    }

    /// The keeper ends by itself, and with it every trace on the host.
    pub fn nothing_is_left(&mut self) {
        let pid = self.pid.take().unwrap();
        wait_until("the keeper to end", || start_time(pid).is_none().then_some(()));
        assert!(!self.spec.socket.exists(), "the socket is still there");
        if let Some(name) = &self.spec.sandbox.cgroup {
            let (home, last) = name.split_once('/').unwrap();
            let left = Hierarchies::of_this_machine().list(home);
            assert!(!left.iter().any(|found| found == last), "the cgroup is still there");
        }
        let ours = processes_of(self.spec.sandbox.user.uid);
        assert!(ours.is_empty(), "processes are left: {ours:?}");
        let mounts = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
        assert!(!mounts.contains(self.path().to_str().unwrap()), "a mount is left");
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if let Some(pid) = self.pid.and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
        if let Some(name) = &self.spec.sandbox.cgroup {
            let machine = Hierarchies::of_this_machine();
            machine.cgroup(name).destroy(Duration::from_secs(10));
            machine.remove_empty(name.split_once('/').unwrap().0);
        }
    }
}

pub fn processes_of(uid: u32) -> Vec<String> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let status = entries.filter_map(|e| std::fs::read_to_string(e.path().join("status")).ok());
    let wanted = format!("Uid:\t{uid}\t");
    status.filter(|text| text.contains(&wanted) && !text.contains("State:\tZ")).collect()
}

pub fn final_exit(connection: &mut Connection) -> xii::keeper::Exit {
    loop {
        if let Notice::Exited(exit) = next(connection) {
            return exit;
        }
    }
}

pub fn next(connection: &mut Connection) -> Notice {
    connection.next_event(PATIENCE).unwrap().expect("an event in time")
}

pub fn wait_for(connection: &mut Connection, wanted: impl Fn(&Notice) -> bool) -> Notice {
    loop {
        let notice = next(connection);
        if wanted(&notice) {
            return notice;
        }
    }
}

pub fn status(connection: &mut Connection) -> Status {
    connection.status(PATIENCE).unwrap()
}

pub fn wait_until<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = condition() {
            return found;
        }
        assert!(Instant::now() < end, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

pub fn open_to_all(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}
