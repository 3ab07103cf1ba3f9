//! The working tree: how it differs from the commit, and its files for a deploy that wants
//! them as they are.

use super::files::{File, Files, Kind, Source, kind};
use super::git::Git;
use super::names::{as_path, join, parent, shown};
use super::submodule;
use crate::app::Failure;
use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// Paths of changed and of untracked, not ignored files; also those in submodules.
pub fn changes(folder: &Path) -> Result<Vec<Vec<u8>>, Failure> {
    let git = Git::without_filters(folder)?;
    let status = git.read([
        "status",
        "--porcelain=v1",
        "-z",
        "--untracked-files=all",
        "--ignore-submodules=dirty",
        "--no-renames",
        "--",
        ".",
    ])?;
    let records = status.split(|byte| *byte == 0).filter_map(|record| record.get(3..));
    let mut paths: BTreeSet<Vec<u8>> = records.map(<[u8]>::to_vec).collect();
    for entry in tracked(&git)?.into_iter().filter(|entry| entry.kind.is_none()) {
        let inner = folder.join(as_path(&entry.path));
        if submodule::is_checked_out(&inner) {
            paths.extend(changes(&inner)?.iter().map(|path| join(&entry.path, path)));
        }
    }
    Ok(paths.into_iter().collect())
}

/// Everything tracked or not ignored that is there.
pub fn files(folder: &Path) -> Result<Files, Failure> {
    let mut files = Files::default();
    add(&mut files, folder, b"")?;
    files.list.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(files)
}

fn add(files: &mut Files, folder: &Path, below: &[u8]) -> Result<(), Failure> {
    let git = Git::without_filters(folder)?;
    let repository = files.repositories.len();
    files.repositories.push(git.clone());
    let mut folders = Folders::of(folder);
    for entry in tracked(&git)? {
        let path = join(below, &entry.path);
        let place = folder.join(as_path(&entry.path));
        let Some(kind) = entry.kind else {
            if !submodule::is_checked_out(&place) {
                return Err(submodule::missing(&path, "it is not checked out"));
            }
            add(files, &place, &path)?;
            continue;
        };
        if entry.skipped {
            let source = Source::Object { repository, id: entry.id, size: 0 };
            files.list.push(File { path, kind, source });
        } else if folders.is_real(parent(&entry.path)) {
            files.list.extend(on_disk(path, &place)?);
        }
    }
    let untracked = git.read(["ls-files", "-z", "--others", "--exclude-standard"])?;
    for name in untracked.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let path = join(below, name);
        if name.ends_with(b"/") {
            let message = format!("{} is a git repository but not a submodule", shown(&path));
            return Err(Failure::usage(message)
                .next("add it with git submodule add, or list it in .gitignore"));
        }
        files.list.extend(on_disk(path, &folder.join(as_path(name)))?);
    }
    Ok(())
}

/// `None` when it was deleted, or is neither a file nor a link.
fn on_disk(path: Vec<u8>, place: &Path) -> Result<Option<File>, Failure> {
    use std::io::ErrorKind::{NotADirectory, NotFound};
    let found = match std::fs::symlink_metadata(place) {
        Ok(found) => found,
        Err(error) if matches!(error.kind(), NotFound | NotADirectory) => return Ok(None),
        Err(error) => {
            let message = format!("cannot read {}", place.display());
            return Err(Failure::platform(message).because(error));
        }
    };
    let kind = match found.permissions().mode() {
        _ if found.is_symlink() => Kind::Link,
        mode if found.is_file() && mode & 0o100 != 0 => Kind::Executable,
        _ if found.is_file() => Kind::Regular,
        _ => return Ok(None),
    };
    Ok(Some(File { path, kind, source: Source::Disk(place.to_path_buf()) }))
}

/// A line of the index.
struct Tracked {
    path: Vec<u8>,
    /// `None` for a submodule.
    kind: Option<Kind>,
    id: String,
    /// A sparse checkout leaves it out of the working tree on purpose.
    skipped: bool,
}

/// A conflict has several lines for a path; the working tree has one file.
fn tracked(git: &Git) -> Result<Vec<Tracked>, Failure> {
    let listing = git.read(["ls-files", "-z", "-t", "--stage"])?;
    let records = listing.split(|byte| *byte == 0).filter_map(parse);
    let by_path: BTreeMap<Vec<u8>, Tracked> =
        records.map(|entry| (entry.path.clone(), entry)).collect();
    Ok(by_path.into_values().collect())
}

/// `H 100644 <id> 0<TAB>path`
fn parse(record: &[u8]) -> Option<Tracked> {
    let tab = record.iter().position(|byte| *byte == b'\t')?;
    let mut fields = std::str::from_utf8(&record[..tab]).ok()?.split(' ');
    let (tag, mode, id) = (fields.next()?, fields.next()?, fields.next()?);
    let path = record[tab + 1..].to_vec();
    Some(Tracked { path, kind: kind(mode), id: id.to_string(), skipped: tag == "S" })
}

/// Which folders are folders: one that became a link would lead out of the working tree.
struct Folders<'a> {
    top: &'a Path,
    known: BTreeMap<Vec<u8>, bool>,
}

impl<'a> Folders<'a> {
    fn of(top: &'a Path) -> Self {
        Folders { top, known: BTreeMap::from([(Vec::new(), true)]) }
    }

    fn is_real(&mut self, folder: &[u8]) -> bool {
        if let Some(known) = self.known.get(folder) {
            return *known;
        }
        let place = self.top.join(as_path(folder));
        let real = self.is_real(parent(folder))
            && std::fs::symlink_metadata(place).is_ok_and(|found| found.is_dir());
        self.known.insert(folder.to_vec(), real);
        real
    }
}
