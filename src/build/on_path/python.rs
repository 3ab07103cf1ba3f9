//! Pythons that the server's PATH leads to, by files alone: a shim is a script, so the
//! installations it stands for are looked up beside it.

use super::super::tool::{Origin, Tool, ToolName};
use super::super::version::Version;
use super::{STACK, stamp};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Beside the `shims` folder of pyenv; of asdf and mise.
const SHIMMED: [&str; 2] = ["versions", "installs/python"];

pub fn pythons(path: &str) -> Vec<Tool> {
    let mut prefixes = BTreeSet::new();
    for folder in path.split(':').map(Path::new).filter(|folder| folder.is_absolute()) {
        if !STACK.iter().any(|stack| folder.starts_with(stack)) {
            prefixes.extend(prefixes_of(folder));
        }
    }
    let mut found: Vec<Tool> = prefixes.iter().filter_map(|prefix| inspect(prefix)).collect();
    found.sort_by_key(|python| std::cmp::Reverse(python.version));
    found
}

fn prefixes_of(folder: &Path) -> Vec<PathBuf> {
    if folder.file_name().is_some_and(|name| name == "shims") {
        let root = folder.parent().unwrap_or(folder);
        return SHIMMED.iter().flat_map(|below| folders(&root.join(below))).collect();
    }
    let Ok(exe) = folder.join("python3").canonicalize() else { return Vec::new() };
    if STACK.iter().any(|stack| exe.starts_with(stack)) {
        return Vec::new();
    }
    exe.parent().and_then(Path::parent).map(Path::to_path_buf).into_iter().collect()
}

fn folders(below: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(below) else { return Vec::new() };
    entries.flatten().filter_map(|entry| entry.path().canonicalize().ok()).collect()
}

/// A Python at this prefix: its library, its program, and a way to know the exact version.
fn inspect(prefix: &Path) -> Option<Tool> {
    if prefix.join("pyvenv.cfg").exists() {
        return None;
    }
    let minor = (0..100).rev().find(|minor| {
        let library = prefix.join(format!("lib/python3.{minor}"));
        library.join("ensurepip/__init__.py").is_file()
            && library.join("venv/__init__.py").is_file()
    })?;
    let exe = prefix.join(format!("bin/python3.{minor}"));
    let stamp = stamp(&exe)?;
    let version = declared(prefix, minor).or_else(|| named(prefix, minor))?;
    let origin = Origin::Server { prefix: prefix.to_path_buf(), stamp };
    Some(Tool { name: ToolName::Python, version, origin })
}

/// `#define PY_VERSION "3.12.1"`
fn declared(prefix: &Path, minor: u32) -> Option<Version> {
    let header = prefix.join(format!("include/python3.{minor}/patchlevel.h"));
    let text = std::fs::read_to_string(header).ok()?;
    let line = text.lines().find_map(|line| line.trim().strip_prefix("#define PY_VERSION"))?;
    line.trim().trim_start_matches(|c: char| !c.is_ascii_digit()).trim_matches('"').parse().ok()
}

/// The folder's own name, when the headers were left out.
fn named(prefix: &Path, minor: u32) -> Option<Version> {
    let version: Version = prefix.file_name()?.to_str()?.parse().ok()?;
    (version.major == 3 && version.minor == minor).then_some(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn install(prefix: &Path, minor: u32, patchlevel: Option<&str>) {
        for module in ["ensurepip", "venv"] {
            let folder = prefix.join(format!("lib/python3.{minor}/{module}"));
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join("__init__.py"), "").unwrap();
        }
        std::fs::create_dir_all(prefix.join("bin")).unwrap();
        std::fs::write(prefix.join(format!("bin/python3.{minor}")), "binary").unwrap();
        std::os::unix::fs::symlink(format!("python3.{minor}"), prefix.join("bin/python3")).unwrap();
        if let Some(version) = patchlevel {
            let include = prefix.join(format!("include/python3.{minor}"));
            std::fs::create_dir_all(&include).unwrap();
            let text = format!(
                "#define PY_MINOR_VERSION {minor}\n#define PY_VERSION      \t\"{version}\"\n"
            );
            std::fs::write(include.join("patchlevel.h"), text).unwrap();
        }
    }

    fn versions(path: &Path) -> Vec<String> {
        pythons(path.to_str().unwrap()).iter().map(|p| p.version.to_string()).collect()
    }

    #[test]
    fn a_shim_leads_to_every_installed_version() {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join("shims")).unwrap();
        std::fs::write(home.path().join("shims/python3"), "#!/bin/sh\n").unwrap();
        install(&home.path().join("versions/3.12.1"), 12, Some("3.12.1"));
        install(&home.path().join("versions/3.13.0"), 13, None);
        install(&home.path().join("versions/3.14.0rc1"), 14, Some("3.14.0rc1"));
        assert_eq!(versions(&home.path().join("shims")), ["3.13.0", "3.12.1"]);
    }

    #[test]
    fn a_plain_folder_leads_to_its_real_prefix() {
        let home = tempfile::tempdir().unwrap();
        install(&home.path().join("real"), 12, Some("3.12.4"));
        std::fs::create_dir(home.path().join("bin")).unwrap();
        let link = home.path().join("bin/python3");
        std::os::unix::fs::symlink(home.path().join("real/bin/python3.12"), link).unwrap();
        assert_eq!(versions(&home.path().join("bin")), ["3.12.4"]);
    }

    #[test]
    fn a_venv_and_the_stack_are_not_the_servers() {
        let home = tempfile::tempdir().unwrap();
        install(home.path(), 12, Some("3.12.4"));
        std::fs::write(home.path().join("pyvenv.cfg"), "").unwrap();
        assert!(versions(&home.path().join("bin")).is_empty());
        assert!(pythons("/usr/bin:/bin:relative::").is_empty());
    }
}
