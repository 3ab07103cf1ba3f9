//! `XII_HOME`: the folder everything durable lives in, and the run folder that a reboot empties.

use crate::app::{AppName, DeployRef, Digest, Failure};
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

/// The layout of the folder. A newer one is refused.
const FORMAT: u32 = 1;
const WRITTEN_BY: &str = env!("CARGO_PKG_VERSION");
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

    fn parse(text: &str) -> Option<Self> {
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
        make_dir(&dir, 0o711)?;
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
        let home = Home { run_dir: run_base.join(id.as_str()), dir, id };
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
        Ok(read_id(&dir)?.map(|id| Home { run_dir: run_base.join(id.as_str()), dir, id }))
    }

    /// The exclusive lock of the server.
    pub fn lock(&self) -> Result<HomeLock, Failure> {
        let path = self.dir.join("lock");
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
        file.set_len(0)
            .and_then(|()| writeln!(file, "{}", std::process::id()))
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

    pub fn ledger(&self) -> PathBuf {
        self.dir.join("ledger.db")
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

    pub fn cache(&self, app: &AppName) -> PathBuf {
        self.dir.join("cache").join(app.as_str())
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

fn checked_path(dir: &Path) -> Result<PathBuf, Failure> {
    if !dir.is_absolute() {
        return Err(Failure::usage(format!("XII_HOME is {dir:?}: a relative path"))
            .why("a home must mean the same folder from everywhere")
            .next("set XII_HOME to an absolute path"));
    }
    if dir.components().any(|part| part == Component::ParentDir) {
        return Err(Failure::usage(format!("XII_HOME is {dir:?}: it contains `..`"))
            .next("set XII_HOME to a path without `..`"));
    }
    // A trailing slash would make the check below follow a link.
    let dir: PathBuf = dir.components().collect();
    match fs::symlink_metadata(&dir) {
        Ok(found) if found.is_symlink() => {
            Err(Failure::usage(format!("XII_HOME {} is a symbolic link", dir.display()))
                .why("a link that is moved later would split a home in two")
                .next("set XII_HOME to the folder the link points to"))
        }
        Ok(found) if !found.is_dir() => {
            Err(Failure::usage(format!("XII_HOME {} is not a folder", dir.display()))
                .next("set XII_HOME to a folder, or to a path where one can be made"))
        }
        Ok(_) => Ok(dir),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(dir),
        Err(error) => Err(io("cannot look at", &dir, error)),
    }
}

/// Being allowed to is found out by doing: root passes every permission bit, and a file system
/// can be read-only below any of them.
fn check_writable(dir: &Path) -> Result<(), Failure> {
    let probe = dir.join(format!(".probe-{}-{:08x}", std::process::id(), probe_number(dir)?));
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&probe);
    let made = made.and_then(|file| file.metadata());
    let me = match made {
        Ok(metadata) => metadata.uid(),
        Err(error) => {
            return Err(Failure::platform(format!("cannot write to XII_HOME {}", dir.display()))
                .because(error)
                .next("make the folder writable, or set XII_HOME to another one"));
        }
    };
    fs::remove_file(&probe).map_err(|error| io("cannot remove", &probe, error))?;
    let found = fs::metadata(dir).map_err(|error| io("cannot look at", dir, error))?;
    if found.uid() != me {
        let owner = found.uid();
        return Err(Failure::platform(format!(
            "XII_HOME {} belongs to uid {owner}, and xii runs as uid {me}",
            dir.display()
        ))
        .next("run xii as the folder's owner, or set XII_HOME to another folder"));
    }
    Ok(())
}

fn probe_number(dir: &Path) -> Result<u32, Failure> {
    getrandom::u32().map_err(|error| {
        Failure::platform(format!("cannot test {}: no randomness", dir.display())).because(error)
    })
}

/// Marks a new home. A folder with other things in it is more likely a slip than a wish.
fn begin(dir: &Path) -> Result<(), Failure> {
    let entries = fs::read_dir(dir).map_err(|error| io("cannot list", dir, error))?;
    for entry in entries {
        let name = entry.map_err(|error| io("cannot list", dir, error))?.file_name();
        let name = name.to_string_lossy();
        let own = ["key", "lost+found", "server.log", "router.log"].contains(&name.as_ref());
        let harmless = own || name.starts_with('.');
        if !harmless {
            return Err(Failure::usage(format!(
                "XII_HOME {} is not a xii home: it has no `version` file, but other files ({name})",
                dir.display()
            ))
            .next("set XII_HOME to a new or an empty folder"));
        }
    }
    fs::set_permissions(dir, Permissions::from_mode(0o711))
        .map_err(|error| io("cannot set the mode of", dir, error))?;
    write_file(dir, "version", &format!("{FORMAT}\nwritten by xii {WRITTEN_BY}\n"), 0o644)
}

fn read_version(dir: &Path) -> Result<Option<String>, Failure> {
    read_optional(&dir.join("version"))
}

fn check_version(dir: &Path, text: &str) -> Result<(), Failure> {
    let mut lines = text.lines();
    let format = lines.next().and_then(|line| line.trim().parse::<u32>().ok());
    let writer = lines.next().unwrap_or("written by an unknown xii").trim();
    match format {
        Some(format) if format > FORMAT => Err(Failure::platform(format!(
            "XII_HOME {} has format {format}, {writer}; this is xii {WRITTEN_BY}, which knows \
             formats up to {FORMAT}",
            dir.display()
        ))
        .next("install that version of xii or a newer one")),
        Some(_) => Ok(()),
        None => {
            let path = dir.join("version");
            Err(Failure::platform(format!("{} does not hold a format number", path.display()))
                .next(format!("restore the file; its first line should be `{FORMAT}`")))
        }
    }
}

fn read_id(dir: &Path) -> Result<Option<HomeId>, Failure> {
    let path = dir.join("id");
    let Some(text) = read_optional(&path)? else { return Ok(None) };
    match HomeId::parse(text.trim()) {
        Some(id) => Ok(Some(id)),
        None => Err(Failure::platform(format!("{} does not hold 8 hex digits", path.display()))
            .next("restore the file: it names the run folder and the processes of this home")),
    }
}

/// The whole file, or nothing of it, even when the power fails.
pub(super) fn write_file(dir: &Path, name: &str, text: &str, mode: u32) -> Result<(), Failure> {
    let temporary = dir.join(format!(".{name}-{:08x}", probe_number(dir)?));
    let target = dir.join(name);
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(&temporary)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&temporary, &target))
        .and_then(|()| File::open(dir)?.sync_all());
    written.map_err(|error| {
        // The error that counts is the first one; a leftover starts with a dot and is harmless.
        let _ = fs::remove_file(&temporary);
        io("cannot write", &target, error)
    })
}

pub(super) fn read_optional(path: &Path) -> Result<Option<String>, Failure> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io("cannot read", path, error)),
    }
}

/// Makes a folder and those above it; `mode` is for the last one, whatever the umask.
pub(super) fn make_dir(path: &Path, mode: u32) -> Result<(), Failure> {
    if path.is_dir() {
        return Ok(());
    }
    DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(path)
        .and_then(|()| fs::set_permissions(path, Permissions::from_mode(mode)))
        .map_err(|error| io("cannot make the folder", path, error))
}

pub(super) fn io(what: &str, path: &Path, error: std::io::Error) -> Failure {
    Failure::platform(format!("{what} {}", path.display())).because(error)
}
