//! The stream of a source tree: a tar whose bytes depend on names, modes and contents only.

use super::content::Contents;
use super::files::{Files, Kind};
use super::links::Links;
use super::names::shown;
use crate::app::Failure;
use std::io::{self, Read, Write};
use tar::{EntryType, Header};

const BLOCK: usize = 512;
/// What fits into a header; a longer name gets an entry before it (GNU's way).
const SHORT: usize = 100;

/// Files in the order they have, so give them sorted.
pub fn write(files: &Files, links: &Links, out: &mut impl Write) -> Result<(), Failure> {
    let mut contents = Contents::of(&files.repositories);
    for file in &files.list {
        if let Some(target) = links.get(&file.path) {
            let header = header(EntryType::Symlink, 0o777);
            append(out, header, &file.path, target, 0, &mut io::empty()).map_err(not_sent)?;
            continue;
        }
        let mode = if file.kind == Kind::Executable { 0o755 } else { 0o644 };
        let header = header(EntryType::Regular, mode);
        // An error of the stream must not look like one of the file.
        let sent = contents.read(file, |size, content| {
            let mut told = Told { inner: content, failed: None };
            let sent = append(out, header, &file.path, b"", size, &mut told);
            match told.failed {
                Some(error) => Err(error),
                None => Ok(sent),
            }
        })?;
        sent.map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => changed(&file.path),
            _ => not_sent(error),
        })?;
    }
    out.write_all(&[0; 2 * BLOCK]).and_then(|()| out.flush()).map_err(not_sent)
}

fn append(
    out: &mut dyn Write,
    mut header: Header,
    path: &[u8],
    target: &[u8],
    size: u64,
    content: &mut dyn Read,
) -> io::Result<()> {
    append_long(out, EntryType::GNULongLink, target)?;
    append_long(out, EntryType::GNULongName, path)?;
    put(&mut header.as_old_mut().linkname, target);
    put(&mut header.as_old_mut().name, path);
    append_block(out, header, size, content)
}

fn append_long(out: &mut dyn Write, kind: EntryType, name: &[u8]) -> io::Result<()> {
    if name.len() <= SHORT {
        return Ok(());
    }
    let mut header = header(kind, 0o644);
    put(&mut header.as_old_mut().name, b"././@LongLink");
    append_block(out, header, name.len() as u64 + 1, &mut name.chain(&[0][..]))
}

fn header(kind: EntryType, mode: u32) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header
}

fn put(field: &mut [u8; SHORT], bytes: &[u8]) {
    let length = bytes.len().min(SHORT);
    field[..length].copy_from_slice(&bytes[..length]);
}

fn append_block(
    out: &mut dyn Write,
    mut header: Header,
    size: u64,
    content: &mut dyn Read,
) -> io::Result<()> {
    header.set_size(size);
    header.set_cksum();
    out.write_all(header.as_bytes())?;
    if io::copy(&mut content.take(size), out)? < size {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    let rest = (BLOCK - (size % BLOCK as u64) as usize) % BLOCK;
    out.write_all(&[0; BLOCK][..rest])
}

/// Remembers a failure of its reader, to tell it from one of the writer beside it.
struct Told<'a> {
    inner: &'a mut dyn Read,
    failed: Option<io::Error>,
}

impl Read for Told<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.inner.read(buffer) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                let kind = error.kind();
                self.failed = Some(error);
                Err(kind.into())
            }
            other => other,
        }
    }
}

fn changed(path: &[u8]) -> Failure {
    Failure::usage(format!("{} became shorter while it was read", shown(path)))
        .next("deploy again when nothing writes to the working tree")
}

fn not_sent(error: io::Error) -> Failure {
    Failure::platform("the source could not be sent").because(error)
}
