//! What two builds of an app have in common lies on the disk once: a build is read-only, so
//! its files may be those of the build before it.

use super::files::{failed, walk};
use crate::app::Failure;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Of smaller files little is to be had.
const LEAST: u64 = 4096;

/// Puts a hard link in the place of each file that the other tree has at the same path, with
/// the same mode, owner and content. Gives back the bytes that are shared. What cannot be
/// linked stays a copy.
pub fn share(tree: &Path, with: &Path) -> Result<u64, Failure> {
    let mut large = Vec::new();
    walk(tree, &mut |path, meta| {
        if meta.is_file() && meta.len() >= LEAST {
            large.push(path.to_path_buf());
        }
        Ok(true)
    })?;
    let mut shared = 0;
    for path in large {
        let Ok(below) = path.strip_prefix(tree) else { continue };
        let other = with.join(below);
        if let Some(bytes) = same(&path, &other)
            && link(&other, &path)?
        {
            shared += bytes;
        }
    }
    Ok(shared)
}

/// Their size, when both are the same plain file in all but place.
fn same(one: &Path, other: &Path) -> Option<u64> {
    let (a, b) = (fs::symlink_metadata(one).ok()?, fs::symlink_metadata(other).ok()?);
    let owner = |meta: &fs::Metadata| (meta.uid(), meta.gid());
    let alike = b.is_file()
        && a.len() == b.len()
        && a.permissions().mode() == b.permissions().mode()
        && owner(&a) == owner(&b);
    (alike && same_content(one, other).ok()?).then_some(a.len())
}

fn same_content(one: &Path, other: &Path) -> io::Result<bool> {
    let (mut one, mut other) = (File::open(one)?, File::open(other)?);
    let (mut a, mut b) = ([0; 64 * 1024], [0; 64 * 1024]);
    loop {
        let filled = one.read(&mut a)?;
        if filled == 0 {
            return Ok(other.read(&mut b)? == 0);
        }
        match other.read_exact(&mut b[..filled]) {
            Ok(()) if a[..filled] == b[..filled] => {}
            Ok(()) => return Ok(false),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
            Err(error) => return Err(error),
        }
    }
}

fn link(from: &Path, to: &Path) -> Result<bool, Failure> {
    let mut name = to.file_name().unwrap_or_default().to_os_string();
    name.push(".shared");
    let new: PathBuf = to.with_file_name(name);
    // A file system without links, too many of them, or a build that is being removed.
    if fs::hard_link(from, &new).is_err() {
        return Ok(false);
    }
    fs::rename(&new, to).map_err(failed("replace", to)).map(|()| true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_large_files_become_one_and_the_tree_stays_what_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let (old, new) = (dir.path().join("old"), dir.path().join("new"));
        let write = |root: &Path, name: &str, content: &str, mode: u32| {
            let path = root.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, content).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        };
        let (large, other) = ("x".repeat(200_000), "y".repeat(200_000));
        for root in [&old, &new] {
            write(root, "lib/same", &large, 0o644);
            write(root, "small", "x", 0o644);
        }
        write(&old, "content", &large, 0o644);
        write(&new, "content", &other, 0o644);
        write(&old, "mode", &large, 0o644);
        write(&new, "mode", &large, 0o755);
        write(&new, "added", &large, 0o644);
        std::os::unix::fs::symlink("lib/same", old.join("link")).unwrap();
        write(&new, "link", &large, 0o644);
        let before = crate::codebase::tree_digest(&new).unwrap();
        assert_eq!(share(&new, &old).unwrap(), 200_000);
        assert_eq!(crate::codebase::tree_digest(&new).unwrap(), before);
        let links = |name: &str| fs::metadata(new.join(name)).unwrap().nlink();
        assert_eq!((links("lib/same"), links("content"), links("mode")), (2, 1, 1));
        assert_eq!((links("small"), links("added"), links("link")), (1, 1, 1));
        fs::remove_dir_all(&old).unwrap();
        assert_eq!(crate::codebase::tree_digest(&new).unwrap(), before);
        assert_eq!(share(&new, &old).unwrap(), 0, "a tree that is gone has nothing to share");
    }
}
