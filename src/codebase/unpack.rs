//! The server's end of the stream. It comes from outside, so nothing of it is believed: not
//! its names, not its links, not that it is whole.

use super::links::{self, Links};
use super::names::{as_path, is_inside, parent, shown};
use crate::app::Failure;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::{DirBuilder, OpenOptions, Permissions};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use tar::{Archive, Entry, EntryType};

const BLOCK: u64 = 512;
/// As long as the kernel takes.
const LONGEST_PATH: usize = 4095;

#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub entries: u64,
    pub bytes: u64,
}

/// A larger source belongs elsewhere: each deploy sends, unpacks and keeps all of it.
pub const SOURCE_LIMITS: Limits = Limits { entries: 200_000, bytes: 2 << 30 };

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unpacked {
    pub files: u64,
    pub bytes: u64,
}

/// Into a folder that is empty or not there yet. After an error what is in it is not a source:
/// the caller removes it.
pub fn unpack(reader: impl Read, dest: &Path, limits: Limits) -> Result<Unpacked, Failure> {
    let mut stream = Stream { inner: reader, read: 0, zeros_from: 0 };
    let mut tree = Tree::at(dest)?;
    let mut done = Unpacked::default();
    let mut end = 0;
    let mut archive = Archive::new(&mut stream);
    // Raw: long names are read here, with a bound, and other extensions are refused.
    for entry in archive.entries().map_err(unreadable)?.raw(true) {
        let mut entry = entry.map_err(unreadable)?;
        if tree.take_long(&mut entry)? {
            continue;
        }
        done.files += 1;
        done.bytes = done.bytes.saturating_add(entry.size());
        if done.files > limits.entries || done.bytes > limits.bytes {
            return Err(too_large(limits));
        }
        let size = entry.size().div_ceil(BLOCK).saturating_mul(BLOCK);
        end = entry.raw_file_position().saturating_add(size);
        tree.add(&mut entry)?;
    }
    stream.finish(end)?;
    match links::first_escape(&tree.links) {
        Some((path, target)) => {
            Err(refused(path, &format!("leads out of it, to {}", shown(target))))
        }
        None => Ok(done),
    }
}

/// What has been unpacked so far.
struct Tree {
    dest: PathBuf,
    folders: BTreeSet<Vec<u8>>,
    files: BTreeSet<Vec<u8>>,
    links: Links,
    /// What the next entry is called and points to, when its header has no room for it.
    long_name: Option<Vec<u8>>,
    long_target: Option<Vec<u8>>,
}

impl Tree {
    fn at(dest: &Path) -> Result<Tree, Failure> {
        DirBuilder::new().recursive(true).create(dest).map_err(|error| cannot(dest, error))?;
        let mut listing = std::fs::read_dir(dest).map_err(|error| cannot(dest, error))?;
        if listing.next().is_some() {
            return Err(Failure::internal(format!("{} is not empty", dest.display())));
        }
        let folders = BTreeSet::from([Vec::new()]);
        let (files, links) = (BTreeSet::new(), Links::new());
        let dest = dest.to_path_buf();
        Ok(Tree { dest, folders, files, links, long_name: None, long_target: None })
    }

    fn take_long(&mut self, entry: &mut Entry<impl Read>) -> Result<bool, Failure> {
        let long = match entry.header().entry_type() {
            EntryType::GNULongName => &mut self.long_name,
            EntryType::GNULongLink => &mut self.long_target,
            _ => return Ok(false),
        };
        if entry.size() > LONGEST_PATH as u64 + 1 {
            return Err(Failure::usage("the source is refused: a name in it is too long"));
        }
        let mut text = Vec::new();
        entry.read_to_end(&mut text).map_err(unreadable)?;
        if text.pop() != Some(0) {
            return Err(cut_off());
        }
        *long = Some(text);
        Ok(true)
    }

    fn add(&mut self, entry: &mut Entry<impl Read>) -> Result<(), Failure> {
        let short = || entry.header().path_bytes().into_owned();
        let name = self.long_name.take().unwrap_or_else(short);
        let kind = entry.header().entry_type();
        let path = match kind {
            EntryType::Directory => name.strip_suffix(b"/").unwrap_or(&name).to_vec(),
            _ => name,
        };
        if !is_inside(&path) || path.len() > LONGEST_PATH {
            return Err(refused(&path, "is not a name below its folder"));
        }
        if self.files.contains(&path) || self.links.contains_key(&path) {
            return Err(refused(&path, "is there twice"));
        }
        if kind == EntryType::Directory {
            return self.folder(&path);
        }
        if self.folders.contains(&path) {
            return Err(refused(&path, "is there twice"));
        }
        self.folder(parent(&path))?;
        match kind {
            EntryType::Regular => self.file(path, entry),
            EntryType::Symlink => self.link(path, entry),
            EntryType::Link => Err(refused(&path, "is a hard link")),
            _ => Err(refused(&path, "is neither a file nor a link")),
        }
    }

    /// Made with those above it; each must be a real folder that was made here.
    fn folder(&mut self, path: &[u8]) -> Result<(), Failure> {
        if self.folders.contains(path) {
            return Ok(());
        }
        if self.files.contains(path) || self.links.contains_key(path) {
            return Err(refused(path, "is a file and a folder"));
        }
        self.folder(parent(path))?;
        let place = self.place(path);
        let made = DirBuilder::new().create(&place);
        made.and_then(|()| std::fs::set_permissions(&place, Permissions::from_mode(0o755)))
            .map_err(|error| cannot(&place, error))?;
        self.folders.insert(path.to_vec());
        Ok(())
    }

    fn file(&mut self, path: Vec<u8>, entry: &mut Entry<impl Read>) -> Result<(), Failure> {
        let place = self.place(&path);
        let failed = |error| cannot(&place, error);
        let executable = entry.header().mode().map_err(unreadable)? & 0o100 != 0;
        let mut options = OpenOptions::new();
        let mut file =
            options.write(true).create_new(true).mode(0o600).open(&place).map_err(failed)?;
        let size = entry.size();
        if io::copy(entry, &mut file).map_err(failed)? < size {
            return Err(cut_off());
        }
        // Not left to the umask: the mode is part of what the source is.
        let mode = Permissions::from_mode(if executable { 0o755 } else { 0o644 });
        file.set_permissions(mode).map_err(failed)?;
        self.files.insert(path);
        Ok(())
    }

    fn link(&mut self, path: Vec<u8>, entry: &Entry<impl Read>) -> Result<(), Failure> {
        let short = || entry.header().link_name_bytes().unwrap_or_default().into_owned();
        let target = self.long_target.take().unwrap_or_else(short);
        if target.is_empty() || target.contains(&0) {
            return Err(refused(&path, "is a link without a target"));
        }
        let place = self.place(&path);
        let made = std::os::unix::fs::symlink(OsStr::from_bytes(&target), &place);
        made.map_err(|error| cannot(&place, error))?;
        self.links.insert(path, target);
        Ok(())
    }

    fn place(&self, path: &[u8]) -> PathBuf {
        self.dest.join(as_path(path))
    }
}

/// Knows how far it was read and since where there were only zeros: a tar ends with two blocks
/// of them, one that was cut off between two files does not.
struct Stream<R> {
    inner: R,
    read: u64,
    zeros_from: u64,
}

impl<R: Read> Stream<R> {
    fn finish(&mut self, end: u64) -> Result<(), Failure> {
        io::copy(self, &mut io::sink()).map_err(unreadable)?;
        if self.read < end.saturating_add(2 * BLOCK) {
            return Err(cut_off());
        }
        if self.zeros_from > end {
            return Err(Failure::usage("the source goes on after its end"));
        }
        Ok(())
    }
}

impl<R: Read> Read for Stream<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let filled = self.inner.read(buffer)?;
        if let Some(at) = buffer[..filled].iter().rposition(|byte| *byte != 0) {
            self.zeros_from = self.read + at as u64 + 1;
        }
        self.read += filled as u64;
        Ok(filled)
    }
}

fn refused(path: &[u8], why: &str) -> Failure {
    Failure::usage(format!("the source is refused: {} {why}", shown(path)))
}

pub(super) fn too_large(limits: Limits) -> Failure {
    let Limits { entries, bytes } = limits;
    let mib = bytes >> 20;
    Failure::usage(format!("the source has more than {entries} files or {mib} MiB"))
        .next("keep what is built or downloaded out of git")
}

fn cut_off() -> Failure {
    Failure::usage("the source was cut off before its end").next("deploy again")
}

fn unreadable(error: io::Error) -> Failure {
    Failure::usage("the source cannot be read").because(error)
}

fn cannot(path: &Path, error: io::Error) -> Failure {
    Failure::platform(format!("cannot unpack the source to {}", path.display())).because(error)
}
