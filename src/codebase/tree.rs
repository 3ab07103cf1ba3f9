//! The digest of a folder's content: the same files give the same digest wherever, whenever
//! and by whomever they were made.

use crate::app::{Digest, Failure};
use sha2::{Digest as _, Sha256};
use std::fs::{File, Metadata};
use std::io::Read as _;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// SHA-256 over the sorted manifest: path, kind, mode, and link target or content hash of every
/// file, link and folder below `dir`. No times, no owners. Nothing is followed.
pub fn tree_digest(dir: &Path) -> Result<Digest, Failure> {
    let mut entries = Vec::new();
    collect(dir, Path::new(""), &mut entries)?;
    entries.sort_by(|(one, _), (other, _)| one.as_os_str().cmp(other.as_os_str()));
    let mut manifest = Sha256::new();
    for (path, found) in entries {
        let (kind, value) = describe(&dir.join(&path), &found)?;
        let mode = if kind == "link" { 0o777 } else { found.permissions().mode() & 0o7777 };
        // Lengths go first, so that no name can be read as the beginning of something else.
        let name = path.as_os_str().as_bytes();
        manifest.update(format!("{kind} {mode:o} {} {}\n", name.len(), value.len()));
        manifest.update(name);
        manifest.update(&value);
        manifest.update(b"\n");
    }
    Ok(Digest::from_bytes(manifest.finalize().into()))
}

fn collect(
    dir: &Path,
    below: &Path,
    entries: &mut Vec<(PathBuf, Metadata)>,
) -> Result<(), Failure> {
    // Joining an empty path would add a slash.
    let folder = if below == Path::new("") { dir.to_path_buf() } else { dir.join(below) };
    let failed = |error| cannot_read(&folder, error);
    for entry in std::fs::read_dir(&folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path = below.join(entry.file_name());
        let found = entry.metadata().map_err(|error| cannot_read(&dir.join(&path), error))?;
        if found.is_dir() {
            collect(dir, &path, entries)?;
        }
        entries.push((path, found));
    }
    Ok(())
}

fn describe(path: &Path, found: &Metadata) -> Result<(&'static str, Vec<u8>), Failure> {
    let failed = |error| cannot_read(path, error);
    if found.is_dir() {
        return Ok(("dir", Vec::new()));
    }
    if found.is_symlink() {
        let target = std::fs::read_link(path).map_err(failed)?;
        return Ok(("link", target.into_os_string().into_vec()));
    }
    if !found.is_file() {
        let message = format!("{} is neither a file, a folder nor a link", path.display());
        return Err(Failure::app(message).why("a device, pipe or socket has no content to keep"));
    }
    Ok(("file", content_hash(path).map_err(failed)?.to_vec()))
}

fn content_hash(path: &Path) -> std::io::Result<[u8; 32]> {
    let mut file = File::open(path)?;
    let mut hash = Sha256::new();
    let mut block = [0; 64 * 1024];
    loop {
        match file.read(&mut block) {
            Ok(0) => return Ok(hash.finalize().into()),
            Ok(filled) => hash.update(&block[..filled]),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn cannot_read(path: &Path, error: std::io::Error) -> Failure {
    Failure::platform(format!("cannot read {}", path.display())).because(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{Permissions, create_dir, set_permissions, write};
    use std::os::unix::fs::symlink;
    use tempfile::TempDir;

    fn sample() -> TempDir {
        let dir = TempDir::new().unwrap();
        write(dir.path().join("file"), "content").unwrap();
        create_dir(dir.path().join("folder")).unwrap();
        write(dir.path().join("folder/b"), "b").unwrap();
        symlink("file", dir.path().join("link")).unwrap();
        dir
    }

    #[test]
    fn the_same_files_give_the_same_digest_whenever_they_were_made() {
        let (one, other) = (sample(), TempDir::new().unwrap());
        symlink("file", other.path().join("link")).unwrap();
        create_dir(other.path().join("folder")).unwrap();
        write(other.path().join("folder/b"), "b").unwrap();
        let file = File::create(other.path().join("file")).unwrap();
        write(other.path().join("file"), "content").unwrap();
        file.set_modified(std::time::UNIX_EPOCH).unwrap();
        assert_eq!(tree_digest(one.path()).unwrap(), tree_digest(other.path()).unwrap());
    }

    #[test]
    fn every_difference_that_can_matter_gives_another_digest() {
        type Change = fn(&Path);
        let changes: [Change; 8] = [
            |dir| write(dir.join("file"), "other").unwrap(),
            |dir| std::fs::rename(dir.join("file"), dir.join("file2")).unwrap(),
            |dir| set_permissions(dir.join("file"), Permissions::from_mode(0o755)).unwrap(),
            |dir| set_permissions(dir.join("folder"), Permissions::from_mode(0o700)).unwrap(),
            |dir| create_dir(dir.join("empty")).unwrap(),
            |dir| std::fs::remove_file(dir.join("link")).unwrap(),
            |dir| {
                std::fs::remove_file(dir.join("link")).unwrap();
                symlink("folder", dir.join("link")).unwrap();
            },
            |dir| std::fs::rename(dir.join("folder/b"), dir.join("b")).unwrap(),
        ];
        let mut digests = std::collections::BTreeSet::new();
        digests.insert(tree_digest(sample().path()).unwrap());
        for change in changes {
            let dir = sample();
            change(dir.path());
            digests.insert(tree_digest(dir.path()).unwrap());
        }
        assert_eq!(digests.len(), 9);
    }

    #[test]
    fn a_link_is_not_followed_and_a_socket_is_refused_by_name() {
        let dir = sample();
        symlink("/proc/self/mem", dir.path().join("out")).unwrap();
        assert!(tree_digest(dir.path()).is_ok());
        let _socket = std::os::unix::net::UnixListener::bind(dir.path().join("s")).unwrap();
        let failure = tree_digest(dir.path()).unwrap_err();
        assert!(failure.message.ends_with("/s is neither a file, a folder nor a link"));
        let absent = tree_digest(&dir.path().join("absent")).unwrap_err();
        assert!(absent.message.ends_with("absent"));
    }
}
