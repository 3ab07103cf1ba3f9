//! Which codebase a folder belongs to, without reading what is in it: cheap enough for
//! every command that does not name its app.

use super::git::Git;
use crate::app::Failure;
use std::path::{Path, PathBuf};

/// Files that an app's folder in a monorepo is known by.
const MANIFESTS: [&str; 3] = ["Procfile", "xii.toml", "app.json"];

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Sorted; empty for a shallow clone.
    pub roots: Vec<String>,
    /// The nearest folder above with a manifest, when it is not the repository's top.
    pub subdir: Option<String>,
    /// That folder, on the disk.
    pub folder: PathBuf,
}

/// `None`: the folder is in no repository that has a commit, or there is no git.
pub fn identify(start: &Path) -> Result<Option<Identity>, Failure> {
    let git = Git::at(start);
    let Ok(Some(top)) = git.ask(["rev-parse", "--show-toplevel"]) else { return Ok(None) };
    let top = PathBuf::from(top);
    let Some(shallow) = git.ask(["rev-parse", "--is-shallow-repository"])? else {
        return Ok(None);
    };
    let mut roots = Vec::new();
    if shallow != "true" {
        let Some(list) = git.ask(["rev-list", "--max-parents=0", "HEAD"])? else {
            return Ok(None);
        };
        roots.extend(list.lines().map(str::to_string));
        roots.sort();
    }
    // git names the top without links, so the start is compared without them as well.
    let start = start.canonicalize().unwrap_or_else(|_| start.to_path_buf());
    let folder = app_folder(&start, &top);
    let below = folder.strip_prefix(&top).ok().and_then(Path::to_str).unwrap_or_default();
    let subdir = (!below.is_empty()).then(|| below.to_string());
    Ok(Some(Identity { roots, subdir, folder }))
}

fn app_folder(start: &Path, top: &Path) -> PathBuf {
    let inside = start.ancestors().take_while(|folder| folder.starts_with(top));
    let mut candidates =
        inside.filter(|folder| MANIFESTS.iter().any(|manifest| folder.join(manifest).is_file()));
    candidates.next().unwrap_or(top).to_path_buf()
}

#[cfg(test)]
mod tests {
    use super::super::sample::commit_all;
    use super::*;

    #[test]
    fn a_folder_belongs_to_the_nearest_manifest_of_its_repository() {
        let home = tempfile::tempdir().unwrap();
        let top = home.path().canonicalize().unwrap();
        let shop = top.join("services/shop");
        std::fs::create_dir_all(shop.join("templates")).unwrap();
        std::fs::write(shop.join("Procfile"), "web: true\n").unwrap();
        commit_all(&top, "First").unwrap();
        let found = identify(&shop.join("templates")).unwrap().unwrap();
        assert_eq!(found.subdir.as_deref(), Some("services/shop"));
        assert_eq!(found.folder, shop);
        assert_eq!(found.roots.len(), 1);
        let top_level = identify(&top).unwrap().unwrap();
        assert_eq!((top_level.subdir, top_level.folder), (None, top));
        assert_eq!(top_level.roots, found.roots);
    }

    #[test]
    fn a_folder_outside_any_repository_has_no_identity() {
        let home = tempfile::tempdir().unwrap();
        assert_eq!(identify(home.path()).unwrap(), None);
    }
}
