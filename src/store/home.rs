//! `XII_HOME`: the folder everything durable lives in, and the run folder that a reboot empties.

use super::files::{io, make_dir, write_file};
use super::marks::{begin, check_version, check_writable, checked_path, read_id, read_version};
use crate::app::{AppName, DeployRef, Digest, Failure};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::Read;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

const LOCK: &str = "lock";

/// `sun_path` holds 108 bytes, one of them the closing NUL.
const SOCKET_PATH_LIMIT: usize = 107;

/// Logs and temporary files may hold what an app printed; the rest only has to be passed through.
const FOLDERS: [(&str, u32); 6] = [
    ("builds", 0o711),
    ("stacks", 0o711),
    ("cache", 0o711),
    ("resources", 0o711),
    ("logs", 0o700),
    ("tmp", 0o700),
];

/// 8 hex digits that name the run folder, the cgroup and the firewall table of a home.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct HomeId(String);

impl HomeId {
    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let is_hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
        (text.len() == 8 && text.chars().all(is_hex)).then(|| HomeId(text.to_string()))
    }

    fn generate() -> Result<Self, Failure> {
        let number = getrandom::u32().map_err(|error| {
            Failure::platform("cannot make an id for the home: no randomness").because(error)
        })?;
        Ok(HomeId(format!("{number:08x}")))
    }
}

impl std::fmt::Display for HomeId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// An opened home. Having one means that the folder exists, is ours and is of our format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    dir: PathBuf,
    id: HomeId,
    run_dir: PathBuf,
    /// What its cgroup lies in; empty for the root.
    cgroup_base: String,
}

/// Held by the one server of a home; let go of when dropped or when the process dies.
#[derive(Debug)]
pub struct HomeLock {
    _file: File,
}

impl Home {
    /// Opens the home at `dir`, making it where there is none.
    pub fn open(dir: &Path, run_base: &Path) -> Result<Home, Failure> {
        let dir = checked_path(dir)?;
        make_dir(&dir, 0o711)
            .map_err(|failure| failure.next("set XII_HOME to a folder that can be made"))?;
        check_writable(&dir)?;
        match read_version(&dir)? {
            Some(version) => check_version(&dir, &version)?,
            None => begin(&dir)?,
        }
        let id = match read_id(&dir)? {
            Some(id) => id,
            None => {
                let id = HomeId::generate()?;
                write_file(&dir, "id", &format!("{id}\n"), 0o644)?;
                id
            }
        };
        for (name, mode) in FOLDERS {
            make_dir(&dir.join(name), mode)?;
        }
        let home = Home::at(dir, id, run_base);
        home.check_socket_length()?;
        make_dir(&home.run_dir, 0o711)?;
        make_dir(&home.instances(), 0o700)?;
        Ok(home)
    }

    /// The home at `dir` if there is one; makes nothing. This is how a client finds its server.
    pub fn find(dir: &Path, run_base: &Path) -> Result<Option<Home>, Failure> {
        let dir = checked_path(dir)?;
        let Some(version) = read_version(&dir)? else { return Ok(None) };
        check_version(&dir, &version)?;
        Ok(read_id(&dir)?.map(|id| Home::at(dir, id, run_base)))
    }

    fn at(dir: PathBuf, id: HomeId, run_base: &Path) -> Home {
        Home { run_dir: run_base.join(id.as_str()), dir, id, cgroup_base: String::new() }
    }

    /// With its processes in a cgroup that was delegated to it, `system.slice/x.service`.
    pub fn with_cgroup_base(self, base: Option<&str>) -> Home {
        let cgroup_base = base.map_or(String::new(), |base| format!("{}/", base.trim_matches('/')));
        Home { cgroup_base, ..self }
    }

    /// The process that took the lock of the home at `dir` last, dead or alive.
    pub fn last_holder(dir: &Path) -> Option<i32> {
        std::fs::read_to_string(dir.join(LOCK)).ok()?.trim().parse().ok()
    }

    /// The exclusive lock of the server.
    pub fn lock(&self) -> Result<HomeLock, Failure> {
        let path = self.dir.join(LOCK);
        let opened = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path);
        let mut file = opened.map_err(|error| io("cannot open", &path, error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(self.in_use(&mut file)),
            Err(TryLockError::Error(error)) => return Err(io("cannot lock", &path, error)),
        }
        // Over what is there: a full disk has no room for a file that was cut off before.
        file.write_all_at(format!("{:<10}\n", std::process::id()).as_bytes(), 0)
            .map_err(|error| io("cannot write", &path, error))?;
        Ok(HomeLock { _file: file })
    }

    fn in_use(&self, file: &mut File) -> Failure {
        let mut holder = String::new();
        let pid = match file.read_to_string(&mut holder) {
            Ok(_) if !holder.trim().is_empty() => format!(" (pid {})", holder.trim()),
            _ => String::new(),
        };
        Failure::platform(format!("{} is in use by another xii server{pid}", self.dir.display()))
            .next("use that server, or stop it with `xii down`, or set XII_HOME to another folder")
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    pub fn id(&self) -> &HomeId {
        &self.id
    }

    /// The name of the cgroup that all its processes are in.
    pub fn cgroup(&self) -> String {
        format!("{}xii-{}", self.cgroup_base, self.id)
    }

    pub fn ledger(&self) -> PathBuf {
        self.dir.join("ledger.db")
    }

    /// A home that has builds has had a ledger; a new one would forget them without a word.
    pub fn ledger_not_lost(&self) -> Result<(), Failure> {
        let (ledger, builds) = (self.ledger(), self.builds());
        let has_builds = std::fs::read_dir(&builds).is_ok_and(|mut found| found.next().is_some());
        if ledger.exists() || !has_builds {
            return Ok(());
        }
        Err(Failure::platform(format!("the ledger {} is missing", ledger.display()))
            .why(format!("there are builds in {}, so there was one", builds.display()))
            .next(format!(
                "restore it from a backup; to begin anew without it, remove {}",
                builds.display()
            )))
    }

    /// Where the key is unless `XII_KEY_FILE` says otherwise.
    pub fn key(&self) -> PathBuf {
        self.dir.join("key")
    }

    pub fn builds(&self) -> PathBuf {
        self.dir.join("builds")
    }

    pub fn build(&self, digest: &Digest) -> PathBuf {
        self.builds().join(digest.to_string())
    }

    pub fn stacks(&self) -> PathBuf {
        self.dir.join("stacks")
    }

    pub fn caches(&self) -> PathBuf {
        self.dir.join("cache")
    }

    pub fn cache(&self, app: &AppName) -> PathBuf {
        self.caches().join(app.as_str())
    }

    pub fn logs(&self) -> PathBuf {
        self.dir.join("logs")
    }

    pub fn deploy_logs(&self, deploy: &DeployRef) -> PathBuf {
        self.logs().join(deploy.app.as_str()).join(deploy.deploy.as_str())
    }

    pub fn resources(&self) -> PathBuf {
        self.dir.join("resources")
    }

    /// On the same file system as the rest, so that a rename out of it is atomic.
    pub fn tmp(&self) -> PathBuf {
        self.dir.join("tmp")
    }

    pub fn run_dir(&self) -> &Path {
        &self.run_dir
    }

    /// The control socket of the server.
    pub fn socket(&self) -> PathBuf {
        self.run_dir.join("server.sock")
    }

    /// The routing table as last published.
    pub fn routes(&self) -> PathBuf {
        self.run_dir.join("routes.json")
    }

    /// The only folder here that the router's own user must reach.
    pub fn router_dir(&self) -> PathBuf {
        self.run_dir.join("router")
    }

    pub fn instances(&self) -> PathBuf {
        self.run_dir.join("instances")
    }

    pub fn instance_socket(&self, keeper: u64) -> PathBuf {
        self.instances().join(format!("{keeper}.sock"))
    }

    pub fn instance_record(&self, keeper: u64) -> PathBuf {
        self.instances().join(format!("{keeper}.json"))
    }

    fn check_socket_length(&self) -> Result<(), Failure> {
        let longest = self.instance_socket(u64::from(u32::MAX));
        let length = longest.as_os_str().len();
        if length <= SOCKET_PATH_LIMIT {
            return Ok(());
        }
        let over = length - SOCKET_PATH_LIMIT;
        Err(Failure::platform(format!(
            "the run folder {} is {over} bytes too long for the sockets below it",
            self.run_dir.display()
        ))
        .why(format!("a unix socket's path has at most {SOCKET_PATH_LIMIT} bytes"))
        .next("set XDG_RUNTIME_DIR to a shorter path"))
    }
}
