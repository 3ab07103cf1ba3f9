//! Rusts: rustup's shims lead to its toolchains, any other `cargo` to its own prefix.

use super::super::tool::{Origin, Tool, ToolName};
use super::super::version::Version;
use super::stamp;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Every program made by rustc carries this, and rustc makes itself.
const MADE_BY: &[u8] = b"rustc version ";

/// Those the server's PATH leads to, besides the stack's.
pub fn rusts(path: &str) -> Vec<Tool> {
    let folders = path.split(':').map(Path::new).filter(|folder| folder.is_absolute());
    let prefixes: BTreeSet<PathBuf> = folders.flat_map(prefixes_of).collect();
    let mut found: Vec<Tool> = prefixes.iter().filter_map(|prefix| inspect(prefix)).collect();
    found.sort_by_key(|rust| std::cmp::Reverse(rust.version));
    found
}

fn prefixes_of(folder: &Path) -> Vec<PathBuf> {
    let Ok(exe) = folder.join("cargo").canonicalize() else { return Vec::new() };
    let Some(prefix) = exe.parent().and_then(Path::parent) else { return Vec::new() };
    if exe.file_name().is_some_and(|name| name == "rustup") {
        return toolchains_of(prefix);
    }
    // `/usr/bin` is the stack's; `/usr/local/bin` is not on the PATH of a build.
    let of_stack = [Path::new("/usr"), Path::new("/")].contains(&prefix);
    if of_stack { Vec::new() } else { vec![prefix.to_path_buf()] }
}

/// Beside `~/.cargo` lies `~/.rustup`; beside `/usr/local/cargo`, `/usr/local/rustup`.
fn toolchains_of(cargo_home: &Path) -> Vec<PathBuf> {
    let Some(beside) = cargo_home.parent() else { return Vec::new() };
    let homes = [".rustup", "rustup"].map(|name| beside.join(name).join("toolchains"));
    let entries = homes.iter().filter_map(|folder| std::fs::read_dir(folder).ok());
    entries.flatten().flatten().filter_map(|entry| entry.path().canonicalize().ok()).collect()
}

fn inspect(prefix: &Path) -> Option<Tool> {
    let rustc = prefix.join("bin/rustc");
    if !prefix.join("bin/cargo").is_file() {
        return None;
    }
    let (version, early) = made_by(&std::fs::read(&rustc).ok()?)?;
    let name = prefix.file_name().unwrap_or_default().to_string_lossy();
    // rustup names a folder after its channel; elsewhere nothing says that it is no stable one.
    if early && !["nightly", "beta"].iter().any(|channel| name.starts_with(channel)) {
        return None;
    }
    let origin = Origin::Server { prefix: prefix.to_path_buf(), stamp: stamp(&rustc)? };
    Some(Tool { name: ToolName::Rust, version, origin })
}

/// The version in a program's bytes, and whether it is a nightly or beta.
fn made_by(bytes: &[u8]) -> Option<(Version, bool)> {
    let at = bytes.windows(MADE_BY.len()).position(|window| window == MADE_BY)?;
    let rest = &bytes[at + MADE_BY.len()..];
    let end = rest.iter().position(|byte| !byte.is_ascii_digit() && *byte != b'.')?;
    let version = std::str::from_utf8(&rest[..end]).ok()?.parse().ok()?;
    Some((version, rest[end] == b'-'))
}

/// The stack's own, below this root: `/usr/bin/cargo`.
pub fn of_stack(root: &Path) -> Option<Tool> {
    let [cargo, rustc] = ["usr/bin/cargo", "usr/bin/rustc"].map(|path| root.join(path));
    let is_shim = cargo.canonicalize().is_ok_and(|exe| exe.ends_with("rustup"));
    if is_shim || !cargo.is_file() {
        return None;
    }
    let own = std::fs::read(&rustc).ok().and_then(|bytes| made_by(&bytes));
    let status = || std::fs::read_to_string(root.join("var/lib/dpkg/status")).ok();
    let version = match own {
        Some((version, _)) => version,
        None => packaged(&status()?)?,
    };
    let origin = Origin::Stack { exe: "/usr/bin/cargo".into() };
    Some(Tool { name: ToolName::Rust, version, origin })
}

/// `1.63.0` of the package rustc's `1.63.0+dfsg1-2`.
fn packaged(status: &str) -> Option<Version> {
    let is_rustc = |paragraph: &&str| paragraph.lines().any(|line| line == "Package: rustc");
    let paragraph = status.split("\n\n").find(is_rustc)?;
    let version = paragraph.lines().find_map(|line| line.strip_prefix("Version: "))?;
    let end = version.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(version.len());
    version[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn install(prefix: &Path, version: &str) {
        std::fs::create_dir_all(prefix.join("bin")).unwrap();
        std::fs::write(prefix.join("bin/cargo"), "program").unwrap();
        let bytes = format!("\0\x7fELF\0rustc version {version} (598 2026-04-14)\0");
        std::fs::write(prefix.join("bin/rustc"), bytes).unwrap();
    }

    fn names(folder: &Path) -> Vec<String> {
        let place = |tool: &Tool| match &tool.origin {
            Origin::Server { prefix, .. } => prefix.file_name().unwrap().to_str().unwrap().into(),
            other => format!("{other:?}"),
        };
        let found = rusts(folder.to_str().unwrap());
        found.iter().map(|tool| format!("{} {}", place(tool), tool.version)).collect()
    }

    #[test]
    fn a_rustup_shim_leads_to_every_toolchain() {
        let home = tempfile::tempdir().unwrap();
        let bin = home.path().join(".cargo/bin");
        std::fs::create_dir_all(&bin).unwrap();
        std::fs::write(bin.join("rustup"), "program").unwrap();
        symlink("rustup", bin.join("cargo")).unwrap();
        let toolchains = home.path().join(".rustup/toolchains");
        install(&toolchains.join("stable-x86_64-unknown-linux-gnu"), "1.95.0");
        install(&toolchains.join("1.78.0-x86_64-unknown-linux-gnu"), "1.78.0");
        install(&toolchains.join("nightly-x86_64-unknown-linux-gnu"), "1.97.0-nightly");
        install(&toolchains.join("my-own-build"), "1.97.0-dev");
        assert_eq!(
            names(&bin),
            [
                "nightly-x86_64-unknown-linux-gnu 1.97.0",
                "stable-x86_64-unknown-linux-gnu 1.95.0",
                "1.78.0-x86_64-unknown-linux-gnu 1.78.0",
            ]
        );
    }

    #[test]
    fn a_plain_installation_is_its_own_prefix_unless_half_of_it_is_missing() {
        let dir = tempfile::tempdir().unwrap();
        install(&dir.path().join("rust-1.90"), "1.90.0");
        assert_eq!(names(&dir.path().join("rust-1.90/bin")), ["rust-1.90 1.90.0"]);
        std::fs::remove_file(dir.path().join("rust-1.90/bin/rustc")).unwrap();
        assert!(names(&dir.path().join("rust-1.90/bin")).is_empty());
        assert!(rusts("/usr/bin:/bin:relative::").is_empty());
    }

    #[test]
    fn the_stacks_own_is_known_by_its_package_where_its_program_does_not_say() {
        let root = tempfile::tempdir().unwrap();
        install(&root.path().join("usr"), "1.90.0");
        let version = || of_stack(root.path()).map(|tool| tool.version.to_string());
        assert_eq!(version().as_deref(), Some("1.90.0"));
        std::fs::write(root.path().join("usr/bin/rustc"), "stripped").unwrap();
        assert_eq!(version(), None);
        let status = "Package: rust-doc\nVersion: 1.0.0\n\nPackage: rustc\nStatus: install ok installed\nVersion: 1.63.0+dfsg1-2\n";
        std::fs::create_dir_all(root.path().join("var/lib/dpkg")).unwrap();
        std::fs::write(root.path().join("var/lib/dpkg/status"), status).unwrap();
        assert_eq!(version().as_deref(), Some("1.63.0"));
    }
}
