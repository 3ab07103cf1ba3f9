//! What is known of each root, and which root fulfils a wish: small files of JSON, each put
//! in its place in one step.

use super::super::files::{self, TmpDir, failed};
use super::super::stacks::place;
use super::wanted::Wanted;
use crate::app::{Digest, Failure};
use crate::store::Home;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

const VERSION: u32 = 1;

/// A stack root on the disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Root {
    pub digest: Digest,
    pub wanted: Wanted,
    /// Name → version of all that is in it.
    pub packages: BTreeMap<String, String>,
}

impl Root {
    pub fn folder(&self, home: &Home) -> PathBuf {
        place(home, &self.digest)
    }
}

/// `records/<digest>.json`: enough to make the root again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    pub v: u32,
    pub digest: Digest,
    pub wanted: Wanted,
    pub made_at: Timestamp,
    /// Bytes of its files.
    pub size: u64,
    pub packages: BTreeMap<String, Package>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    pub version: String,
    pub sha256: Digest,
    /// As the archive names it: `libc6_2.36-9_amd64.deb`
    pub file: String,
}

/// `wishes/<key>.json`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wish {
    pub v: u32,
    pub wanted: Wanted,
    pub digest: Digest,
    /// When somebody last asked for it.
    pub asked_at: Timestamp,
}

impl Record {
    pub(super) fn new(
        digest: Digest,
        wanted: &Wanted,
        size: u64,
        packages: BTreeMap<String, Package>,
    ) -> Record {
        let (wanted, made_at) = (wanted.clone(), Timestamp::now());
        Record { v: VERSION, digest, wanted, made_at, size, packages }
    }

    /// The root of a wish; several wishes can come to the same root.
    pub(super) fn root(&self, wanted: &Wanted) -> Root {
        let version =
            |(name, package): (&String, &Package)| (name.clone(), package.version.clone());
        let packages = self.packages.iter().map(version).collect();
        Root { digest: self.digest, wanted: wanted.clone(), packages }
    }
}

/// A package that is another one, new or gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub package: String,
    pub old: Option<String>,
    pub new: Option<String>,
}

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let package = &self.package;
        match (&self.old, &self.new) {
            (Some(old), Some(new)) => write!(f, "{package} {old} → {new}"),
            (Some(old), None) => write!(f, "{package} {old} removed"),
            (None, new) => write!(f, "{package} {} added", new.as_deref().unwrap_or_default()),
        }
    }
}

/// Name → version of before and after; what stays is left out.
pub fn changes(old: &BTreeMap<String, String>, new: &BTreeMap<String, String>) -> Vec<Change> {
    let names: std::collections::BTreeSet<_> = old.keys().chain(new.keys()).collect();
    let change = |name: &String| Change {
        package: name.clone(),
        old: old.get(name).cloned(),
        new: new.get(name).cloned(),
    };
    names.into_iter().map(change).filter(|change| change.old != change.new).collect()
}

fn records(home: &Home) -> PathBuf {
    home.stacks().join("records")
}

pub(super) fn wishes_folder(home: &Home) -> PathBuf {
    home.stacks().join("wishes")
}

/// What is known of a root that is on the disk.
pub fn read(home: &Home, digest: &Digest) -> Result<Option<Record>, Failure> {
    match place(home, digest).is_dir() {
        true => known(home, digest),
        false => Ok(None),
    }
}

/// What is known of a root, also when it is gone.
pub(super) fn known(home: &Home, digest: &Digest) -> Result<Option<Record>, Failure> {
    read_json(&records(home).join(format!("{digest}.json")))
}

/// All roots on the disk, those of one suite together, the newest first.
pub fn list(home: &Home) -> Result<Vec<Record>, Failure> {
    let mut found = Vec::new();
    for path in entries(&records(home))? {
        let Some(digest) = digest_of(&path) else { continue };
        found.extend(read(home, &digest)?);
    }
    found.sort_by(|one, other| {
        (one.wanted.suite, other.made_at).cmp(&(other.wanted.suite, one.made_at))
    });
    Ok(found)
}

/// The roots whose digest begins so, also those that are gone but can be made again.
pub fn named(home: &Home, beginning: &str) -> Result<Vec<Digest>, Failure> {
    let mut found: Vec<Digest> =
        entries(&records(home))?.iter().filter_map(|path| digest_of(path)).collect();
    found.retain(|digest| !beginning.is_empty() && digest.to_string().starts_with(beginning));
    Ok(found)
}

/// The name of a record or a package without its ending.
pub(super) fn digest_of(path: &Path) -> Option<Digest> {
    path.file_stem()?.to_str()?.parse().ok()
}

/// A damaged one is none: the next deploy on the stack writes it again.
pub fn wishes(home: &Home) -> Result<Vec<Wish>, Failure> {
    let mut found = Vec::new();
    for path in entries(&wishes_folder(home))? {
        if digest_of(&path).is_some() {
            found.extend(read_json(&path).unwrap_or_default());
        }
    }
    Ok(found)
}

pub(super) fn wish(home: &Home, wanted: &Wanted) -> Result<Option<Wish>, Failure> {
    read_json(&wishes_folder(home).join(format!("{}.json", wanted.key())))
}

/// From now on this root fulfils the wish.
pub(super) fn fulfil(home: &Home, wanted: &Wanted, digest: Digest) -> Result<(), Failure> {
    let wish = Wish { v: VERSION, wanted: wanted.clone(), digest, asked_at: Timestamp::now() };
    write_json(home, &wishes_folder(home).join(format!("{}.json", wanted.key())), &wish)
}

pub(super) fn forget_wish(home: &Home, wanted: &Wanted) -> Result<(), Failure> {
    files::remove(&wishes_folder(home).join(format!("{}.json", wanted.key())))
}

pub(super) fn write(home: &Home, record: &Record) -> Result<(), Failure> {
    write_json(home, &records(home).join(format!("{}.json", record.digest)), record)
}

/// Takes a root away: out of its place in one step, then file by file, then its record.
/// Packages go when nothing names them: see `prune`.
pub fn remove(home: &Home, digest: &Digest) -> Result<(), Failure> {
    let place = place(home, digest);
    if place.exists() {
        let tmp = TmpDir::new(&home.tmp(), "stack")?;
        fs::rename(&place, tmp.path().join("removed")).map_err(failed("move", &place))?;
    }
    files::remove(&records(home).join(format!("{digest}.json")))
}

pub(super) fn entries(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let listing = match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        listing => listing.map_err(failed("list", folder))?,
    };
    let path = |entry: std::io::Result<fs::DirEntry>| entry.map(|entry| entry.path());
    listing.map(path).collect::<Result<_, _>>().map_err(failed("list", folder))
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, Failure> {
    let text = match fs::read(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        text => text.map_err(failed("read", path))?,
    };
    serde_json::from_slice(&text).map(Some).map_err(|error| {
        Failure::platform(format!("{} is damaged", path.display()))
            .because(error)
            .next("remove that file: the next deploy on the stack writes it again")
    })
}

fn write_json<T: Serialize>(home: &Home, path: &Path, value: &T) -> Result<(), Failure> {
    let mut text = serde_json::to_string_pretty(value)
        .map_err(|error| Failure::internal("a stack cannot be written down").because(error))?;
    text.push('\n');
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder).map_err(failed("make", folder))?;
    let tmp = TmpDir::new(&home.tmp(), "stack")?;
    let new = tmp.path().join("new");
    fs::write(&new, text).map_err(failed("write", &new))?;
    fs::File::open(&new).and_then(|file| file.sync_all()).map_err(failed("sync", &new))?;
    fs::rename(&new, path).map_err(failed("write", path))?;
    fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed("sync", folder))
}

#[cfg(test)]
#[path = "record_tests.rs"]
mod tests;
