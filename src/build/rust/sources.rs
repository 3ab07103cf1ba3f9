//! Which files of a tree say what cargo will build: the manifests of a workspace, and the
//! places at which a program is found. The tree is a stranger's: no link leads out of it.

use super::manifest::{matches, members};
use std::path::{Path, PathBuf};

/// More say that these are no packages of an app.
const MOST: usize = 1000;

/// The manifests below the root that the root's manifest names.
pub fn manifests(root: &Path, text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for pattern in members(text) {
        for folder in folders(root, &pattern) {
            found.push(format!("{folder}/Cargo.toml"));
        }
    }
    found.truncate(MOST);
    found
}

/// `src/bin/job.rs`, `crates/web/src/main.rs`: their being there is all that counts.
pub fn programs(root: &Path, manifest: &str) -> Vec<String> {
    let folder = manifest.strip_suffix("Cargo.toml").unwrap_or_default();
    let at = |path: &str| format!("{folder}{path}");
    let mut found = vec![at("src/main.rs")];
    for name in names(root, &at("src/bin")) {
        let whole = match name.ends_with(".rs") {
            true => format!("src/bin/{name}"),
            false => format!("src/bin/{name}/main.rs"),
        };
        found.push(at(&whole));
    }
    found.retain(|path| root.join(path).is_file());
    found.truncate(MOST);
    found
}

fn folders(root: &Path, pattern: &str) -> Vec<String> {
    let mut found = vec![String::new()];
    for part in pattern.split('/').filter(|part| !part.is_empty()) {
        let below = |folder: &String| match part.contains('*') {
            true => names(root, folder).into_iter().filter(|name| matches(part, name)).collect(),
            false => vec![part.to_string()],
        };
        let join = |folder: &String, name: String| match folder.is_empty() {
            true => name,
            false => format!("{folder}/{name}"),
        };
        found = found
            .iter()
            .flat_map(|folder| below(folder).into_iter().map(move |name| join(folder, name)))
            .take(MOST)
            .collect();
    }
    found.retain(|folder| !folder.is_empty());
    found
}

fn names(root: &Path, folder: &str) -> Vec<String> {
    let Some(inside) = inside(root, folder) else { return Vec::new() };
    let Ok(entries) = std::fs::read_dir(inside) else { return Vec::new() };
    let mut names: Vec<String> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn inside(root: &Path, folder: &str) -> Option<PathBuf> {
    let real = root.join(folder).canonicalize().ok()?;
    real.starts_with(root.canonicalize().ok()?).then_some(real)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_workspaces_members_and_their_programs_are_found() {
        let dir = tempfile::tempdir().unwrap();
        for path in
            ["crates/web/src/main.rs", "crates/web/src/bin/job.rs", "crates/web/src/bin/x/main.rs"]
        {
            let full = dir.path().join(path);
            std::fs::create_dir_all(full.parent().unwrap()).unwrap();
            std::fs::write(full, "").unwrap();
        }
        let root = "[workspace]\nmembers = [\"crates/*\", \"./tools/\"]\n";
        assert_eq!(manifests(dir.path(), root), ["crates/web/Cargo.toml", "tools/Cargo.toml"]);
        assert_eq!(
            programs(dir.path(), "crates/web/Cargo.toml"),
            ["crates/web/src/main.rs", "crates/web/src/bin/job.rs", "crates/web/src/bin/x/main.rs"]
        );
    }

    #[test]
    fn a_member_outside_the_tree_is_not_listed() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("other/secret")).unwrap();
        std::fs::create_dir_all(dir.path().join("tree")).unwrap();
        let root = "[workspace]\nmembers = [\"../other/*\"]\n";
        assert!(manifests(&dir.path().join("tree"), root).is_empty());
    }
}
