//! A folder as a layer: a tar of sorted names without times and owners, compressed the same
//! way each time.

use super::{Blob, Layer};
use crate::app::{Digest, Failure};
use crate::build::files::failed;
use flate2::{Compression, GzBuilder, write::GzEncoder};
use sha2::{Digest as _, Sha256};
use std::fs::{self, File, Metadata};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};
use tar::{Builder, EntryType, Header};

/// Part of every image's digest: never to be changed without need.
const LEVEL: u32 = 6;

/// A layer in its place.
pub struct Written {
    pub blob: Blob,
    /// Of the tar before it was compressed.
    pub plain: Digest,
}

pub fn write(layer: &Layer, blobs: &Path) -> Result<Written, Failure> {
    let tmp = blobs.join("layer.tmp");
    let file = File::create(&tmp).map_err(failed("make", &tmp))?;
    let compressed = Hashed::new(BufWriter::with_capacity(256 * 1024, file));
    let gzip = GzBuilder::new().mtime(0).write(compressed, Compression::new(LEVEL));
    let mut plain: Hashed<GzEncoder<Hashed<BufWriter<File>>>> = Hashed::new(gzip);
    tar(&layer.source, &layer.target, &mut plain)?;
    let (gzip, plain, _) = plain.finish();
    let compressed = gzip.finish().map_err(failed("write", &tmp))?;
    let (mut file, digest, size) = compressed.finish();
    file.flush().map_err(failed("write", &tmp))?;
    let place = blobs.join(digest.to_string());
    fs::rename(&tmp, &place).map_err(failed("make", &place))?;
    Ok(Written { blob: Blob { digest, size }, plain })
}

/// What is at `source`, named as if it lay at `target`, with the folders above it.
pub fn tar(source: &Path, target: &Path, to: &mut impl Write) -> Result<(), Failure> {
    let mut tar = Builder::new(to);
    let mut name = PathBuf::new();
    for part in target.components().filter(|part| matches!(part, Component::Normal(_))) {
        // The folder itself, or the file, comes with what it is.
        if !name.as_os_str().is_empty() {
            append(&mut tar, &name, EntryType::Directory, 0o755).map_err(failed("add", &name))?;
        }
        name.push(part);
    }
    add(&mut tar, source, &name)?;
    tar.finish().map_err(failed("read", source))
}

fn add(tar: &mut Builder<impl Write>, path: &Path, name: &Path) -> Result<(), Failure> {
    let found = fs::symlink_metadata(path).map_err(failed("look at", path))?;
    let mode = found.permissions().mode() & 0o7777;
    if found.is_dir() {
        // The root itself has no name of its own.
        if !name.as_os_str().is_empty() {
            append(tar, name, EntryType::Directory, mode).map_err(failed("read", path))?;
        }
        return add_children(tar, path, name);
    }
    if found.is_symlink() {
        let target = fs::read_link(path).map_err(failed("read", path))?;
        let mut header = header(EntryType::Symlink, 0o777, 0);
        return tar.append_link(&mut header, name, target).map_err(failed("read", path));
    }
    // Devices, pipes and sockets are made by who runs the image.
    if found.is_file() { add_file(tar, path, name, &found) } else { Ok(()) }
}

fn add_children(tar: &mut Builder<impl Write>, path: &Path, name: &Path) -> Result<(), Failure> {
    let entries = fs::read_dir(path).map_err(failed("list", path))?;
    let names = entries.map(|entry| entry.map(|entry| entry.file_name()));
    let mut names = names.collect::<io::Result<Vec<_>>>().map_err(failed("list", path))?;
    names.sort();
    names.iter().try_for_each(|child| add(tar, &path.join(child), &name.join(child)))
}

fn add_file(
    tar: &mut Builder<impl Write>,
    path: &Path,
    name: &Path,
    found: &Metadata,
) -> Result<(), Failure> {
    let file = File::open(path).map_err(failed("read", path))?;
    let mode = found.permissions().mode() & 0o7777;
    let mut header = header(EntryType::Regular, mode, found.len());
    tar.append_data(&mut header, name, file).map_err(failed("read", path))
}

fn append(
    tar: &mut Builder<impl Write>,
    name: &Path,
    kind: EntryType,
    mode: u32,
) -> io::Result<()> {
    let mut header = header(kind, mode, 0);
    let mut with_slash = name.as_os_str().to_os_string();
    with_slash.push("/");
    tar.append_data(&mut header, PathBuf::from(with_slash), io::empty())
}

fn header(kind: EntryType, mode: u32, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header
}

/// Names what passes through by its content.
struct Hashed<W> {
    inner: W,
    hash: Sha256,
    bytes: u64,
}

impl<W> Hashed<W> {
    fn new(inner: W) -> Self {
        Hashed { inner, hash: Sha256::new(), bytes: 0 }
    }

    fn finish(self) -> (W, Digest, u64) {
        (self.inner, Digest::from_bytes(self.hash.finalize().into()), self.bytes)
    }
}

impl<W: Write> Write for Hashed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.hash.update(&bytes[..count]);
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
