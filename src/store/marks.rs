//! What makes a folder a home: where it may be, whose it is, its version and its id.

use super::files::{io, random, read_optional, write_file};
use super::home::HomeId;
use crate::app::Failure;
use std::fs::{self, OpenOptions, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

/// The layout of the folder. A newer one is refused.
const FORMAT: u32 = 1;
const WRITTEN_BY: &str = env!("CARGO_PKG_VERSION");

pub(super) fn checked_path(dir: &Path) -> Result<PathBuf, Failure> {
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
pub(super) fn check_writable(dir: &Path) -> Result<(), Failure> {
    let probe = dir.join(format!(".probe-{}-{:08x}", std::process::id(), random(dir)?));
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

/// Marks a new home. A folder with other things in it is more likely a slip than a wish.
pub(super) fn begin(dir: &Path) -> Result<(), Failure> {
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

pub(super) fn read_version(dir: &Path) -> Result<Option<String>, Failure> {
    read_optional(&dir.join("version"))
}

pub(super) fn check_version(dir: &Path, text: &str) -> Result<(), Failure> {
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

pub(super) fn read_id(dir: &Path) -> Result<Option<HomeId>, Failure> {
    let path = dir.join("id");
    let Some(text) = read_optional(&path)? else { return Ok(None) };
    match HomeId::parse(text.trim()) {
        Some(id) => Ok(Some(id)),
        None => Err(Failure::platform(format!("{} does not hold 8 hex digits", path.display()))
            .next("restore the file: it names the run folder and the processes of this home")),
    }
}
