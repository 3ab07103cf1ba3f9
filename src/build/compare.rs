//! Which files of two trees are not the same: why one commit gave two builds, or the same
//! packages two roots.

use super::files;
use crate::app::Failure;
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Of files that differ.
const NAMED: usize = 10;

/// The first paths below both roots that are not the same.
pub fn differing(one: &Path, other: &Path) -> Result<Vec<PathBuf>, Failure> {
    Ok(all_differing(one, other)?.take(NAMED).collect())
}

/// Folders before what is in them.
pub fn all_differing(one: &Path, other: &Path) -> Result<impl Iterator<Item = PathBuf>, Failure> {
    let mut paths = BTreeSet::new();
    for root in [one, other] {
        files::walk(root, &mut |path, _| {
            paths.insert(path.strip_prefix(root).unwrap_or(path).to_path_buf());
            Ok(true)
        })?;
    }
    let (one, other) = (one.to_path_buf(), other.to_path_buf());
    let differ = move |path: &PathBuf| look(&one.join(path)) != look(&other.join(path));
    Ok(paths.into_iter().filter(differ))
}

/// Kind, mode and content; `None` where there is nothing.
fn look(path: &Path) -> Option<(bool, u32, Vec<u8>)> {
    let meta = std::fs::symlink_metadata(path).ok()?;
    let content = match () {
        () if meta.is_symlink() => {
            std::fs::read_link(path).ok()?.into_os_string().into_encoded_bytes()
        }
        () if meta.is_file() => std::fs::read(path).ok()?,
        () => Vec::new(),
    };
    Some((meta.is_dir(), meta.permissions().mode(), content))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn what_differs_is_named_whatever_differs() {
        let dir = tempfile::tempdir().unwrap();
        let (one, other) = (dir.path().join("one"), dir.path().join("other"));
        for root in [&one, &other] {
            fs::create_dir_all(root.join("same")).unwrap();
            for name in ["same/file", "content", "mode"] {
                fs::write(root.join(name), "x").unwrap();
            }
        }
        assert_eq!(differing(&one, &other).unwrap(), Vec::<PathBuf>::new());
        fs::write(other.join("content"), "y").unwrap();
        fs::set_permissions(other.join("mode"), fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(one.join("same/only"), "").unwrap();
        std::os::unix::fs::symlink("a", one.join("link")).unwrap();
        std::os::unix::fs::symlink("b", other.join("link")).unwrap();
        let expected = ["content", "link", "mode", "same/only"].map(PathBuf::from);
        assert_eq!(differing(&one, &other).unwrap(), expected);
    }
}
