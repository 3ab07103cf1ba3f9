//! Node.js installations of this machine, found by files alone, and copied so that an app's
//! user can run them: a live home is never bound.

use super::super::exec::{Confined, Exec};
use super::super::files::{copy as copy_files, failed};
use super::super::tool::{Origin, Tool, ToolName};
use super::super::version::Version;
use crate::app::Failure;
use crate::sandbox::Mount;
use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};

/// These belong to the stack; what an administrator put below /usr/local is copied.
const STACK: [&str; 4] = ["/usr/bin", "/bin", "/usr/lib", "/usr/share"];
/// Beside a `shims` folder: asdf and mise, nodenv.
const SHIMMED: [&str; 3] = ["installs/nodejs", "installs/node", "versions"];
const NPM: &str = "lib/node_modules/npm";

/// `/usr/bin/node`; its version is asked for in a sandbox.
pub fn of_stack(root: &Path) -> Vec<Tool> {
    let exe = Path::new("/usr/bin/node");
    let there = root.join("usr/bin/node").is_file();
    let version = Version { major: 0, minor: 0, patch: 0 };
    let tool = Tool { name: ToolName::Node, version, origin: Origin::Stack { exe: exe.into() } };
    there.then_some(tool).into_iter().collect()
}

/// Runs one of the stack's: its version, or why it is of no use. It counts with its npm.
pub fn run(exe: &Path, exec: &mut Exec<'_>) -> Result<Result<Version, String>, Failure> {
    let npm = exe.with_file_name("npm").display().to_string();
    let mut said = Vec::new();
    let script = format!("test -x {npm} && {} --version", exe.display());
    let mut command = Confined::new(vec!["sh".into(), "-c".into(), script]);
    command.env.insert("HOME".into(), "/tmp".into());
    let exit = exec(&command, &mut |line| said.push(line.to_string()))?;
    let last = said.last().cloned().unwrap_or_default();
    if exit != 0 {
        return Ok(Err(format!("no npm beside it: {last}")));
    }
    let version = last.trim().trim_start_matches('v').parse();
    Ok(version.map_err(|_| format!("it calls itself version {last:?}")))
}

/// Those that the server's PATH leads to: directly, or through shims and version managers.
pub fn on_path(path: &str) -> Vec<Tool> {
    let folders = path.split(':').map(Path::new).filter(|folder| folder.is_absolute());
    let prefixes: BTreeSet<PathBuf> =
        folders.filter(|folder| !is_stack(folder)).flat_map(prefixes_of).collect();
    let mut found: Vec<Tool> = prefixes.iter().filter_map(|prefix| inspect(prefix)).collect();
    found.sort_by_key(|node| std::cmp::Reverse(node.version));
    found
}

fn is_stack(path: &Path) -> bool {
    STACK.iter().any(|stack| path.starts_with(stack))
}

fn prefixes_of(folder: &Path) -> Vec<PathBuf> {
    if folder.file_name().is_some_and(|name| name == "shims") {
        let root = folder.parent().unwrap_or(folder);
        return SHIMMED.iter().flat_map(|below| folders(&root.join(below))).collect();
    }
    if folder.ends_with(".volta/bin") {
        return folders(&folder.with_file_name("tools/image/node"));
    }
    let Ok(exe) = folder.join("node").canonicalize() else { return Vec::new() };
    let Some(prefix) = exe.parent().and_then(Path::parent).filter(|_| !is_stack(&exe)) else {
        return Vec::new();
    };
    // nvm and fnm keep all of theirs side by side.
    let beside = prefix.parent().filter(|all| all.ends_with("versions/node")).map(folders);
    beside.unwrap_or_default().into_iter().chain([prefix.to_path_buf()]).collect()
}

fn folders(below: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(below) else { return Vec::new() };
    entries.flatten().filter_map(|entry| entry.path().canonicalize().ok()).collect()
}

/// A Node.js with its npm at this prefix, and a way to know the exact version.
fn inspect(prefix: &Path) -> Option<Tool> {
    let meta = prefix.join("bin/node").metadata().ok().filter(|meta| meta.is_file())?;
    prefix.join(NPM).join("package.json").is_file().then_some(())?;
    let version = declared(prefix).or_else(|| named(prefix))?;
    let stamp = format!("{}.{}.{}", meta.mtime(), meta.mtime_nsec(), meta.size());
    let origin = Origin::Server { prefix: prefix.to_path_buf(), stamp };
    Some(Tool { name: ToolName::Node, version, origin })
}

/// `#define NODE_MAJOR_VERSION 22`
fn declared(prefix: &Path) -> Option<Version> {
    let text = fs::read_to_string(prefix.join("include/node/node_version.h")).ok()?;
    let number = |name: &str| {
        let sign = format!("#define NODE_{name}_VERSION ");
        text.lines().find_map(|line| line.strip_prefix(&sign))?.trim().parse().ok()
    };
    Some(Version { major: number("MAJOR")?, minor: number("MINOR")?, patch: number("PATCH")? })
}

/// The folder's own name, when the headers were left out.
fn named(prefix: &Path) -> Option<Version> {
    prefix.file_name()?.to_str()?.trim_start_matches('v').parse().ok()
}

/// Copies what runs: the program, its npm, its headers.
pub fn copy(
    node: &Tool,
    prefix: &Path,
    root: &Path,
    target: &Path,
    exec: &mut Exec<'_>,
) -> Result<(), Failure> {
    let bin = root.join("bin");
    fs::create_dir_all(&bin).map_err(failed("make", &bin))?;
    fs::copy(prefix.join("bin/node"), bin.join("node")).map_err(failed("copy to", &bin))?;
    for folder in [NPM, "include/node"] {
        if prefix.join(folder).is_dir() {
            let parent = root.join(folder);
            fs::create_dir_all(&parent).map_err(failed("make", &parent))?;
            copy_files(&prefix.join(folder), &parent, &|_| true)?;
        }
    }
    link_npm(root)?;
    super::super::files::make_plain(root)?;
    let folders = [target.join("bin").display().to_string()];
    try_out(node, root, &[], &folders, exec)
}

/// `bin/npm` and `bin/npx`, as an installation of Node.js has them.
pub fn link_npm(root: &Path) -> Result<(), Failure> {
    for name in ["npm", "npx"] {
        let link = root.join("bin").join(name);
        symlink(format!("../{NPM}/bin/{name}-cli.js"), &link).map_err(failed("make", &link))?;
    }
    Ok(())
}

/// Runs it at its new place: what it calls itself has to be what is asked for.
pub fn try_out(
    tool: &Tool,
    root: &Path,
    with: &[Mount],
    folders: &[String],
    exec: &mut Exec<'_>,
) -> Result<(), Failure> {
    let exe = tool.exe().display().to_string();
    let mut said = String::new();
    let mut command = Confined::new(vec![exe, "--version".into()]);
    let path = folders.iter().map(String::as_str).chain(["/usr/bin", "/bin"]);
    command.env.insert("PATH".into(), path.collect::<Vec<_>>().join(":"));
    command.env.insert("HOME".into(), "/tmp".into());
    let target = tool.mount().unwrap_or_default();
    let mount = Mount::ReadOnly { source: root.to_path_buf(), target };
    command.mounts = with.iter().cloned().chain([mount]).collect();
    let exit = exec(&command, &mut |line| said = line.trim().to_string())?;
    // Yarn adds the commit it was made from: `4.9.1-git.20250411.hash-1908ee79f`.
    let version = said.trim_start_matches('v').split('-').next().unwrap_or_default();
    if exit == 0 && version == tool.version.to_string() {
        return Ok(());
    }
    Err(Failure::platform(format!("{} {} does not run on this server", tool.name, tool.version))
        .why(format!("asked for its version it said {said:?} (exit code {exit})")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn install(prefix: &Path, version: Option<(u32, u32, u32)>) {
        for file in ["bin/node", "lib/node_modules/npm/package.json"] {
            let path = prefix.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let Some((major, minor, patch)) = version else { return };
        let text = format!(
            "#define NODE_MAJOR_VERSION {major}\n#define NODE_MINOR_VERSION {minor}\n#define NODE_PATCH_VERSION {patch}\n"
        );
        fs::create_dir_all(prefix.join("include/node")).unwrap();
        fs::write(prefix.join("include/node/node_version.h"), text).unwrap();
    }

    fn versions(path: &Path) -> Vec<String> {
        on_path(path.to_str().unwrap()).iter().map(|node| node.version.to_string()).collect()
    }

    #[test]
    fn a_version_manager_leads_to_all_it_keeps() {
        let home = tempfile::tempdir().unwrap();
        let nvm = home.path().join(".nvm/versions/node");
        install(&nvm.join("v22.14.0"), None);
        install(&nvm.join("v24.1.0"), Some((24, 1, 0)));
        assert_eq!(versions(&nvm.join("v22.14.0/bin")), ["24.1.0", "22.14.0"]);
        let asdf = home.path().join(".asdf");
        install(&asdf.join("installs/nodejs/20.1.0"), None);
        fs::create_dir_all(asdf.join("shims")).unwrap();
        assert_eq!(versions(&asdf.join("shims")), ["20.1.0"]);
        let volta = home.path().join(".volta");
        install(&volta.join("tools/image/node/18.2.0"), None);
        fs::create_dir_all(volta.join("bin")).unwrap();
        assert_eq!(versions(&volta.join("bin")), ["18.2.0"]);
    }

    #[test]
    fn a_node_without_its_npm_or_of_the_stack_is_not_the_servers() {
        let home = tempfile::tempdir().unwrap();
        install(home.path(), Some((22, 1, 0)));
        fs::remove_file(home.path().join("lib/node_modules/npm/package.json")).unwrap();
        assert!(versions(&home.path().join("bin")).is_empty());
        assert!(on_path("/usr/bin:/bin:relative::").is_empty());
    }
}
