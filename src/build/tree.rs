//! What planning looks at in a source tree: the names at its root and a few small texts.
//!
//! The tree comes from a stranger: nothing here follows a link out of it.

use super::python::requirements::included;
use super::rust::sources;
use crate::app::Failure;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;
use std::path::Path;

/// Larger texts are not read: no manifest is that large.
const MOST_TEXT: u64 = 1024 * 1024;
/// Locks are written by tools, and long.
const MOST_LOCK: u64 = 64 * 1024 * 1024;
const TEXTS: [&str; 20] = [
    ".cargo/config",
    ".cargo/config.toml",
    ".node-version",
    ".npmrc",
    ".nvmrc",
    ".python-version",
    ".yarnrc",
    ".yarnrc.yml",
    "Cargo.toml",
    "Pipfile",
    "package.json",
    "pnpm-workspace.yaml",
    "pyproject.toml",
    "requirements.txt",
    "runtime.txt",
    "rust-toolchain",
    "rust-toolchain.toml",
    "setup.py",
    "src/main.rs",
    "uv.toml",
];
/// Found by their names, wherever they lie.
const TELLING: [&str; 5] = ["manage.py", "wsgi.py", "asgi.py", "pre_compile", "post_compile"];
const DEEPEST: usize = 3;
/// Of one folder: more is no source code.
const MOST_ENTRIES: usize = 2_000;
const LOCKS: [&str; 8] = [
    "Cargo.lock",
    "Pipfile.lock",
    "npm-shrinkwrap.json",
    "package-lock.json",
    "pnpm-lock.yaml",
    "poetry.lock",
    "uv.lock",
    "yarn.lock",
];

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    /// Names at the root, folders too.
    pub names: BTreeSet<String>,
    /// Paths of files whose place says something, down to three folders deep.
    pub deeper: BTreeSet<String>,
    /// Path in the tree → text.
    pub texts: BTreeMap<String, String>,
}

impl Tree {
    pub fn read(root: &Path) -> Result<Self, Failure> {
        let mut tree = Tree { names: names(root)?, ..Tree::default() };
        deeper(root, "", 1, &mut tree.deeper);
        for path in LOCKS {
            if let Some(text) = text(root, path, MOST_LOCK)? {
                tree.texts.insert(path.to_string(), text);
            }
        }
        let mut wanted: Vec<String> = TEXTS.map(String::from).to_vec();
        while let Some(path) = wanted.pop() {
            if tree.texts.contains_key(&path) {
                continue;
            }
            let Some(text) = text(root, &path, MOST_TEXT)? else { continue };
            if path.ends_with(".txt") && path != "runtime.txt" {
                wanted.extend(included(&path, &text));
            }
            if path == "Cargo.toml" {
                wanted.extend(sources::manifests(root, &text));
            }
            tree.texts.insert(path, text);
        }
        let manifests = tree.texts.keys().filter(|path| path.ends_with("Cargo.toml"));
        let programs = manifests.flat_map(|path| sources::programs(root, path));
        for path in programs.collect::<Vec<_>>() {
            tree.texts.entry(path).or_default();
        }
        Ok(tree)
    }

    pub fn has(&self, name: &str) -> bool {
        self.names.contains(name)
    }

    pub fn text(&self, path: &str) -> Option<&str> {
        self.texts.get(path).map(String::as_str)
    }
}

fn names(root: &Path) -> Result<BTreeSet<String>, Failure> {
    let unreadable =
        |error| Failure::platform(format!("cannot list {}", root.display())).because(error);
    std::fs::read_dir(root)
        .map_err(unreadable)?
        .map(|entry| Ok(entry.map_err(unreadable)?.file_name().to_string_lossy().into_owned()))
        .collect()
}

/// Links are not followed, and what cannot be listed holds nothing.
fn deeper(folder: &Path, path: &str, depth: usize, found: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten().take(MOST_ENTRIES) {
        let Ok(name) = entry.file_name().into_string() else { continue };
        let Ok(kind) = entry.file_type() else { continue };
        let below = format!("{path}{name}");
        if kind.is_file() && TELLING.contains(&name.as_str()) {
            found.insert(below);
        } else if kind.is_dir()
            && depth < DEEPEST
            && !name.starts_with('.')
            && name != "node_modules"
        {
            deeper(&entry.path(), &format!("{below}/"), depth + 1, found);
        }
    }
}

/// `None` when it is absent, no plain file, or reached through a link that leaves the tree.
fn text(root: &Path, path: &str, most: u64) -> Result<Option<String>, Failure> {
    let full = root.join(path);
    let unreadable =
        |error| Failure::platform(format!("cannot read {}", full.display())).because(error);
    let inside = root.canonicalize().map_err(unreadable)?;
    let Ok(real) = full.canonicalize() else { return Ok(None) };
    if !real.starts_with(&inside) || !real.metadata().map_err(unreadable)?.is_file() {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    let file = std::fs::File::open(&real).map_err(unreadable)?;
    file.take(most + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > most {
        let problem = format!("{path} is larger than {} KiB", most / 1024);
        return Err(Failure::usage(problem).next("make it smaller: it is read to plan the build"));
    }
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, path: &str, text: &str) {
        let full = root.join(path);
        std::fs::create_dir_all(full.parent().unwrap()).unwrap();
        std::fs::write(full, text).unwrap();
    }

    #[test]
    fn included_requirement_files_are_read_once_each() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), "requirements.txt", "-r requirements/prod.txt\n");
        write(dir.path(), "requirements/prod.txt", "-c ../limits.txt\n-r prod.txt\n");
        write(dir.path(), "limits.txt", "six==1.16.0\n");
        let tree = Tree::read(dir.path()).unwrap();
        let read: Vec<_> = tree.texts.keys().map(String::as_str).collect();
        assert_eq!(read, ["limits.txt", "requirements.txt", "requirements/prod.txt"]);
        assert!(tree.has("requirements") && !tree.has("Procfile"));
    }

    #[test]
    fn telling_files_are_found_some_folders_deep() {
        let dir = tempfile::tempdir().unwrap();
        for path in
            ["web/manage.py", "web/shop/wsgi.py", "a/b/c/manage.py", ".venv/x/manage.py", "x/y.py"]
        {
            write(dir.path(), path, "");
        }
        std::os::unix::fs::symlink("..", dir.path().join("web/up")).unwrap();
        let found = Tree::read(dir.path()).unwrap().deeper;
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["web/manage.py", "web/shop/wsgi.py"]);
    }

    #[test]
    fn a_link_out_of_the_tree_is_not_followed() {
        let outside = tempfile::tempdir().unwrap();
        write(outside.path(), "secret", "root:x");
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("requirements.txt");
        std::os::unix::fs::symlink(outside.path().join("secret"), link).unwrap();
        assert_eq!(Tree::read(dir.path()).unwrap().text("requirements.txt"), None);
    }

    #[test]
    fn a_huge_manifest_is_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), "requirements.txt", &"#".repeat(MOST_TEXT as usize + 1));
        let failure = Tree::read(dir.path()).unwrap_err();
        assert_eq!(failure.message, "requirements.txt is larger than 1024 KiB");
    }
}
