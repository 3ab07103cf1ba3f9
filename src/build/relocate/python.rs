//! A Python installation copied so that it runs at another place.
//!
//! The interpreter finds its library from where it lies; what keeps it from moving are a
//! run path compiled into its ELF files and the old place written in its configuration.
//! Both are rewritten in the copy. What an administrator installed into the original
//! (`site-packages`) is not part of a toolchain and stays behind.

use super::super::files::{copy, failed, walk};
use crate::app::Failure;
use std::fs;
use std::path::{Path, PathBuf};

/// Not needed to run or to build an extension; two thirds of an installation.
const LEFT_OUT: [&str; 6] =
    ["__pycache__", "test", "tests", "idlelib", "turtledemo", "site-packages"];

/// Copies the installation of `python3.N` at `prefix` into `copy_to`, to run at `mount`.
pub fn python(prefix: &Path, name: &str, copy_to: &Path, mount: &Path) -> Result<(), Failure> {
    let library = Path::new("lib").join(name);
    copy(&prefix.join(&library), &copy_to.join(&library), &|path| is_library(path))?;
    let site = copy_to.join(&library).join("site-packages");
    fs::create_dir_all(&site).map_err(failed("make", &site))?;
    let include = Path::new("include").join(name);
    if prefix.join(&include).is_dir() {
        copy(&prefix.join(&include), &copy_to.join(&include), &|_| true)?;
    }
    shared_libraries(prefix, copy_to)?;
    programs(prefix, name, copy_to)?;
    rewrite(copy_to, &old_places(prefix, &copy_to.join(&library))?, mount)
}

fn is_library(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    !LEFT_OUT.contains(&name.as_ref()) && !name.ends_with(".a")
}

/// `lib/libpython3.12.so.1.0` and what else lies beside it.
fn shared_libraries(prefix: &Path, copy_to: &Path) -> Result<(), Failure> {
    let from = prefix.join("lib");
    copy(&from, &copy_to.join("lib"), &|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        path.as_os_str().is_empty()
            || name.starts_with("lib") && name.contains(".so") && path.components().count() == 1
    })
}

fn programs(prefix: &Path, name: &str, copy_to: &Path) -> Result<(), Failure> {
    let bin = copy_to.join("bin");
    fs::create_dir_all(&bin).map_err(failed("make", &bin))?;
    fs::copy(prefix.join("bin").join(name), bin.join(name)).map_err(failed("copy to", &bin))?;
    for link in ["python", "python3"] {
        std::os::unix::fs::symlink(name, bin.join(link))
            .map_err(failed("make", &bin.join(link)))?;
    }
    Ok(())
}

/// Where the installation believes to be: its prefix as found, and as it was configured.
fn old_places(prefix: &Path, library: &Path) -> Result<Vec<String>, Failure> {
    let mut found = vec![prefix.display().to_string()];
    for entry in fs::read_dir(library).map_err(failed("list", library))? {
        let path = entry.map_err(failed("list", library))?.path();
        if !is_configuration(&path) {
            continue;
        }
        let text = fs::read_to_string(&path).map_err(failed("read", &path))?;
        let rest = text.split_once("'prefix': '").map(|(_, rest)| rest);
        found.extend(rest.and_then(|rest| rest.split('\'').next()).map(String::from));
    }
    found.retain(|place| place.len() > 1);
    found.sort();
    found.dedup();
    Ok(found)
}

fn is_configuration(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("_sysconfigdata"))
}

fn rewrite(root: &Path, old: &[String], mount: &Path) -> Result<(), Failure> {
    let mut wanted: Vec<PathBuf> = Vec::new();
    walk(root, &mut |path, meta| {
        if meta.is_file() {
            wanted.push(path.to_path_buf());
        }
        Ok(true)
    })?;
    for path in wanted {
        let configuration =
            is_configuration(&path) || path.file_name().is_some_and(|name| name == "Makefile");
        let elf = path.parent().is_some_and(|p| {
            p.ends_with("bin") || p.ends_with("lib") || p.ends_with("lib-dynload")
        });
        if !configuration && !elf {
            continue;
        }
        let mut bytes = fs::read(&path).map_err(failed("read", &path))?;
        let mut changed = configuration;
        if bytes.starts_with(b"\x7fELF") {
            for place in old {
                changed |= set_run_path(&mut bytes, place, root, &path);
            }
        } else if configuration {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            let new =
                |text: String, place: &String| text.replace(place, &mount.display().to_string());
            bytes = old.iter().fold(text, new).into_bytes();
        }
        if changed {
            fs::write(&path, bytes).map_err(failed("write", &path))?;
        }
    }
    Ok(())
}

/// Replaces `<place>/lib` in a run path by one relative to the file, of the very same length:
/// slashes fill the rest, and nothing in the file moves.
fn set_run_path(bytes: &mut [u8], place: &str, root: &Path, file: &Path) -> bool {
    let old = format!("{place}/lib").into_bytes();
    let depth = file.strip_prefix(root).map(|below| below.components().count()).unwrap_or(1) - 1;
    let mut new = format!("$ORIGIN{}/lib", "/..".repeat(depth)).into_bytes();
    if new.len() > old.len() {
        return false;
    }
    new.resize(old.len(), b'/');
    let mut changed = false;
    for at in 0..bytes.len().saturating_sub(old.len()) {
        let end = at + old.len();
        if bytes[at..end] == old[..]
            && [0, b':'].contains(&bytes[end])
            && at > 0
            && [0, b':'].contains(&bytes[at - 1])
        {
            bytes[at..end].copy_from_slice(&new);
            changed = true;
        }
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patched(text: &str, file: &str) -> String {
        let mut bytes = text.as_bytes().to_vec();
        set_run_path(
            &mut bytes,
            "/home/me/.pyenv/versions/3.12.1",
            Path::new("/r"),
            &Path::new("/r").join(file),
        );
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_run_path_becomes_relative_and_no_longer_or_shorter() {
        let old = "\0/home/me/.pyenv/versions/3.12.1/lib\0";
        let new = patched(old, "bin/python3.12");
        assert_eq!(new.len(), old.len());
        assert_eq!(new.trim_matches('\0').trim_end_matches('/'), "$ORIGIN/../lib");
        let deep = patched(old, "lib/python3.12/lib-dynload/_ssl.so");
        assert!(deep.starts_with("\0$ORIGIN/../../../lib/"), "{deep:?}");
    }

    #[test]
    fn other_texts_with_the_old_place_are_left_alone() {
        for text in [
            "\0/home/me/.pyenv/versions/3.12.1/lib/python3.12\0",
            "x/home/me/.pyenv/versions/3.12.1/lib\0",
        ] {
            assert_eq!(patched(text, "bin/python3.12"), text);
        }
        let list = "\0/home/me/.pyenv/versions/3.12.1/lib:/opt/lib\0";
        assert!(patched(list, "bin/x").ends_with("/:/opt/lib\0"));
    }

    #[test]
    fn the_place_it_was_configured_for_counts_too() {
        let dir = tempfile::tempdir().unwrap();
        let text = "build_time_vars = {'prefix': '/opt/python',\n 'LIBDIR': '/opt/python/lib'}\n";
        fs::write(dir.path().join("_sysconfigdata__linux_.py"), text).unwrap();
        let places = old_places(Path::new("/real/python"), dir.path()).unwrap();
        assert_eq!(places, ["/opt/python", "/real/python"]);
        rewrite(dir.path(), &places, Path::new("/opt/xii/python-3.12.1")).unwrap();
        let new = fs::read_to_string(dir.path().join("_sysconfigdata__linux_.py")).unwrap();
        assert!(
            new.contains("'/opt/xii/python-3.12.1/lib'") && !new.contains("'/opt/python"),
            "{new}"
        );
    }
}
