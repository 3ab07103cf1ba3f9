//! Moving trees of files about: copied without following a link, made plain, and put in
//! their final place in one step that survives a power cut.

use super::compare::all_differing;
use crate::app::Failure;
use crate::sandbox::User;
use std::fs::{self, DirBuilder, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, lchown, symlink};
use std::path::{Path, PathBuf};

pub fn failed(what: &str, path: &Path) -> impl FnOnce(io::Error) -> Failure {
    let message = format!("cannot {what} {}", path.display());
    move |error| Failure::platform(message).because(error)
}

/// Calls `visit` for everything below `root`, a folder before what is in it; `visit` says
/// whether to go into it.
pub fn walk(
    root: &Path,
    visit: &mut dyn FnMut(&Path, &Metadata) -> Result<bool, Failure>,
) -> Result<(), Failure> {
    let meta = fs::symlink_metadata(root).map_err(failed("look at", root))?;
    if !visit(root, &meta)? || !meta.is_dir() {
        return Ok(());
    }
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).map_err(failed("list", &folder))? {
            let path = entry.map_err(failed("list", &folder))?.path();
            let meta = fs::symlink_metadata(&path).map_err(failed("look at", &path))?;
            if visit(&path, &meta)? && meta.is_dir() {
                folders.push(path);
            }
        }
    }
    Ok(())
}

/// Copies what `wanted` says (by the path below `from`); sockets, pipes and devices are left out.
pub fn copy(from: &Path, to: &Path, wanted: &dyn Fn(&Path) -> bool) -> Result<(), Failure> {
    walk(from, &mut |path, meta| {
        let below = path.strip_prefix(from).unwrap_or(path);
        if !wanted(below) {
            return Ok(false);
        }
        let target = if below.as_os_str().is_empty() { to.to_path_buf() } else { to.join(below) };
        if meta.is_dir() {
            fs::create_dir_all(&target).map_err(failed("make", &target))?;
        } else if meta.is_symlink() {
            let link = fs::read_link(path).map_err(failed("read", path))?;
            symlink(link, &target).map_err(failed("make", &target))?;
        } else if meta.is_file() {
            fs::copy(path, &target).map_err(failed("copy to", &target))?;
        }
        Ok(true)
    })
}

/// Makes the tree one user's. Only root can, and only root needs to.
pub fn give_to(root: &Path, user: &User) -> Result<(), Failure> {
    walk(root, &mut |path, meta| {
        // A cache of a hundred thousand files is its user's already.
        if (meta.uid(), meta.gid()) != (user.uid, user.gid) {
            lchown(path, Some(user.uid), Some(user.gid)).map_err(failed("give away", path))?;
        }
        Ok(true)
    })
}

/// How large a tree is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Extent {
    /// In its files.
    pub bytes: u64,
    /// Files, folders and links.
    pub files: u64,
}

/// Modes as git knows them and nothing else: 0755 and 0644. What is neither file, folder
/// nor link is removed.
pub fn make_plain(root: &Path) -> Result<Extent, Failure> {
    let mut extent = Extent::default();
    walk(root, &mut |path, meta| {
        extent.files += 1;
        if meta.is_symlink() {
            return Ok(false);
        }
        if !meta.is_dir() && !meta.is_file() {
            fs::remove_file(path).map_err(failed("remove", path))?;
            return Ok(false);
        }
        let mode = meta.permissions().mode() & 0o7777;
        let plain = if meta.is_dir() || mode & 0o111 != 0 { 0o755 } else { 0o644 };
        if mode != plain {
            fs::set_permissions(path, Permissions::from_mode(plain))
                .map_err(failed("change", path))?;
        }
        extent.bytes += if meta.is_file() { meta.len() } else { 0 };
        Ok(true)
    })?;
    Ok(extent)
}

/// Removes a file, a link or a tree, also one whose folders forbid it; nothing there is fine.
pub fn remove(path: &Path) -> Result<(), Failure> {
    let meta = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found.map_err(failed("look at", path))?,
    };
    if !meta.is_dir() {
        return fs::remove_file(path).map_err(failed("remove", path));
    }
    if fs::remove_dir_all(path).is_ok() {
        return Ok(());
    }
    walk(path, &mut |below, meta| {
        if meta.is_dir() {
            let open = Permissions::from_mode(0o700);
            fs::set_permissions(below, open).map_err(failed("change", below))?;
        }
        Ok(true)
    })?;
    fs::remove_dir_all(path).map_err(failed("remove", path))
}

/// The bytes first, then the name: a crash leaves the whole tree or none. A tree that is
/// there already has the same name because it has the same content, and stays.
pub fn publish(tmp: &Path, place: &Path) -> Result<(), Failure> {
    let parent = place.parent().unwrap_or(place);
    let folder = fs::File::open(parent).map_err(failed("open", parent))?;
    if place.exists() {
        remove(tmp)?;
        // Whoever made it may not have come so far.
        return folder.sync_all().map_err(failed("sync", parent));
    }
    rustix::fs::syncfs(&folder).map_err(|error| failed("sync", parent)(error.into()))?;
    match fs::rename(tmp, place) {
        Err(_) if place.exists() => return remove(tmp),
        renamed => renamed.map_err(failed("make", place))?,
    }
    folder.sync_all().map_err(failed("sync", parent))
}

/// Gives a tree the content of another one, file by file, so that whoever uses it sees each
/// file as it was or as it should be.
pub fn mend(from: &Path, place: &Path) -> Result<(), Failure> {
    for path in all_differing(from, place)? {
        let (good, bad) = (from.join(&path), place.join(&path));
        let there = fs::symlink_metadata(&bad).is_ok_and(|meta| meta.is_dir());
        match fs::symlink_metadata(&good) {
            Err(_) => remove(&bad)?,
            Ok(meta) if meta.is_dir() => {
                if !there {
                    remove(&bad)?;
                    fs::create_dir(&bad).map_err(failed("make", &bad))?;
                }
                fs::set_permissions(&bad, meta.permissions()).map_err(failed("change", &bad))?;
            }
            Ok(_) => {
                if there {
                    remove(&bad)?;
                }
                fs::rename(&good, &bad).map_err(failed("replace", &bad))?;
            }
        }
    }
    let folder = fs::File::open(place).map_err(failed("open", place))?;
    rustix::fs::syncfs(&folder).map_err(|error| failed("sync", place)(error.into()))
}

/// A folder in `tmp` with a name of its own, gone with this value.
#[derive(Debug)]
pub struct TmpDir(PathBuf);

impl TmpDir {
    pub fn new(tmp: &Path, what: &str) -> Result<Self, Failure> {
        let random =
            getrandom::u64().map_err(|error| Failure::platform("no randomness").because(error))?;
        let path = tmp.join(format!("{what}-{random:016x}"));
        fs::create_dir_all(tmp).map_err(failed("make", tmp))?;
        // Closed: a workspace is one app's, and its builds run as users of their own.
        DirBuilder::new().mode(0o700).create(&path).map_err(failed("make", &path))?;
        Ok(TmpDir(path))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for TmpDir {
    fn drop(&mut self) {
        // What cannot be removed now is swept away at the next start.
        let _ = remove(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_keeps_links_as_links_and_leaves_out_what_is_not_wanted() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        fs::create_dir_all(from.join("skip/deep")).unwrap();
        fs::write(from.join("file"), "x").unwrap();
        symlink("/etc/passwd", from.join("link")).unwrap();
        copy(&from, &to, &|path| !path.starts_with("skip")).unwrap();
        assert_eq!(fs::read_link(to.join("link")).unwrap(), Path::new("/etc/passwd"));
        assert!(to.join("file").exists() && !to.join("skip").exists());
    }

    #[test]
    fn plain_modes_are_those_of_git_and_links_are_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let outside = dir.path().join("outside");
        fs::write(&outside, "").unwrap();
        fs::set_permissions(&outside, Permissions::from_mode(0o600)).unwrap();
        let tree = dir.path().join("tree");
        fs::create_dir(&tree).unwrap();
        symlink(&outside, tree.join("link")).unwrap();
        for (name, mode) in [("plain", 0o600), ("tool", 0o4711)] {
            fs::write(tree.join(name), "12").unwrap();
            fs::set_permissions(tree.join(name), Permissions::from_mode(mode)).unwrap();
        }
        assert_eq!(make_plain(&tree).unwrap(), Extent { bytes: 4, files: 4 });
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
        assert_eq!(mode(&tree.join("plain")), 0o644);
        assert_eq!(mode(&tree.join("tool")), 0o755);
        assert_eq!(mode(&outside), 0o600);
    }

    #[test]
    fn publishing_what_is_there_already_keeps_the_first() {
        let dir = tempfile::tempdir().unwrap();
        for content in ["first", "second"] {
            let tmp = TmpDir::new(dir.path(), "build").unwrap();
            fs::write(tmp.path().join("file"), content).unwrap();
            publish(tmp.path(), &dir.path().join("place")).unwrap();
        }
        assert_eq!(fs::read_to_string(dir.path().join("place/file")).unwrap(), "first");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing else is left");
    }

    #[test]
    fn a_mended_tree_has_the_other_ones_content_whatever_was_wrong() {
        let dir = tempfile::tempdir().unwrap();
        let make = |name: &str| {
            let root = dir.path().join(name);
            fs::create_dir_all(root.join("folder/deep")).unwrap();
            for file in ["same", "content", "mode", "folder/deep/gone", "kind"] {
                fs::write(root.join(file), "x").unwrap();
            }
            symlink("same", root.join("link")).unwrap();
            root
        };
        let (good, bad) = (make("good"), make("bad"));
        let digest = crate::codebase::tree_digest(&good).unwrap();
        fs::write(bad.join("content"), "y").unwrap();
        fs::set_permissions(bad.join("mode"), Permissions::from_mode(0o755)).unwrap();
        fs::set_permissions(bad.join("folder"), Permissions::from_mode(0o700)).unwrap();
        fs::remove_dir_all(bad.join("folder/deep")).unwrap();
        fs::remove_file(bad.join("kind")).unwrap();
        fs::create_dir_all(bad.join("kind/of")).unwrap();
        fs::remove_file(bad.join("link")).unwrap();
        symlink("content", bad.join("link")).unwrap();
        fs::write(bad.join("added"), "").unwrap();
        let untouched = fs::metadata(bad.join("same")).unwrap().ino();
        mend(&good, &bad).unwrap();
        assert_eq!(crate::codebase::tree_digest(&bad).unwrap(), digest);
        assert_eq!(fs::metadata(bad.join("same")).unwrap().ino(), untouched);
    }

    #[test]
    fn removing_does_not_follow_links_and_what_is_absent_is_removed() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("real")).unwrap();
        symlink("real", dir.path().join("link")).unwrap();
        remove(&dir.path().join("link")).unwrap();
        remove(&dir.path().join("absent")).unwrap();
        assert!(dir.path().join("real").exists());
    }
}
