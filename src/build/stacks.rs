//! Copied toolchains, in `stacks/<digest>`: made once, shared by every app, never changed.
//!
//! ```text
//! stacks/<digest>/            the toolchain itself
//! stacks/made/<key>           which digest an installation of the server was copied to
//! stacks/made/lock            two builds do not copy at once
//! ```

use super::exec::{Confined, Exec};
use super::files::{self, TmpDir, failed};
use super::plan::digest_of;
use super::python::COMPILE;
use super::relocate;
use super::tool::{Origin, Tool, ToolName};
use super::toolchain::SELF_TEST;
use crate::app::{Digest, Failure};
use crate::sandbox::{Mount, Root, User};
use crate::store::Home;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};

/// A toolchain of a build: what to mount where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mounted {
    /// `python-3.12.1`
    pub name: String,
    pub digest: Digest,
    /// `/opt/xii/python-3.12.1`
    pub target: PathBuf,
}

impl Mounted {
    pub fn mount(&self, home: &Home) -> Mount {
        Mount::ReadOnly { source: place(home, &self.digest), target: self.target.clone() }
    }
}

pub fn place(home: &Home, digest: &Digest) -> PathBuf {
    home.stacks().join(digest.to_string())
}

/// What a sandbox stands on: a root of packages, or the host.
pub fn root(home: &Home, digest: Option<&Digest>) -> Root {
    digest.map_or(Root::Host, |digest| Root::Folder(place(home, digest)))
}

/// The copy of a tool of the server, made now if there is none. `None`: the stack has it.
/// `user` is who the copy is tried out as.
pub fn ready(
    home: &Home,
    tool: &Tool,
    user: Option<&User>,
    exec: &mut Exec<'_>,
    said: &mut dyn FnMut(&str),
) -> Result<Option<Mounted>, Failure> {
    let Some(target) = tool.mount() else { return Ok(None) };
    let name = tool.slug();
    let digest = match &tool.origin {
        Origin::Stack { .. } => return Ok(None),
        Origin::Registry { digest, .. } => *digest,
        Origin::Server { prefix, .. } => make(home, &digest_of(tool), |root| {
            said(&format!("copying {} {} from {}", tool.name, tool.version, prefix.display()));
            match tool.name {
                ToolName::Python => {
                    relocate::python(prefix, &tool.exe_name(), root, &target)?;
                    files::make_plain(root)?;
                    finish(tool, root, &target, user, exec, said)
                }
                ToolName::Rust => {
                    relocate::rust(prefix, root)?;
                    files::make_plain(root)?;
                    try_out_rust(tool, root, &target, exec)
                }
                ToolName::Node => super::node::copy(tool, prefix, root, &target, exec),
                _ => Err(Failure::internal(format!("{} cannot be copied", tool.name))),
            }
        })?,
    };
    Ok(Some(Mounted { name, digest, target }))
}

/// What was made under this key, if it is still there.
pub fn made(home: &Home, key: &Digest) -> Option<Digest> {
    let note = home.stacks().join("made").join(key.to_string());
    let digest = fs::read_to_string(note).ok()?.trim().parse().ok()?;
    place(home, &digest).is_dir().then_some(digest)
}

/// Finds what was made under this key, or lets `work` make it in an absent folder.
pub fn make(
    home: &Home,
    key: &Digest,
    work: impl FnOnce(&Path) -> Result<(), Failure>,
) -> Result<Digest, Failure> {
    // Before the lock: what is here must not wait for what somebody else fetches.
    if let Some(digest) = made(home, key) {
        return Ok(digest);
    }
    let notes = home.stacks().join("made");
    fs::create_dir_all(&notes).map_err(failed("make", &notes))?;
    let _lock = locked(&notes.join("lock"))?;
    if let Some(digest) = made(home, key) {
        return Ok(digest);
    }
    let tmp = TmpDir::new(&home.tmp(), "toolchain")?;
    let root = tmp.path().join("root");
    work(&root)?;
    let digest = crate::codebase::tree_digest(&root)?;
    files::publish(&root, &place(home, &digest))?;
    note_down(&notes.join(key.to_string()), &digest)?;
    Ok(digest)
}

/// Runs the copy at its new place, as the build's user.
fn try_out_rust(
    rust: &Tool,
    root: &Path,
    target: &Path,
    exec: &mut Exec<'_>,
) -> Result<(), Failure> {
    for program in ["rustc", "cargo"] {
        let exe = target.join("bin").join(program).display().to_string();
        let mut command = Confined::new(vec![exe, "--version".to_string()]);
        command.mounts =
            vec![Mount::ReadOnly { source: root.to_path_buf(), target: target.to_path_buf() }];
        let mut last = String::new();
        let exit = exec(&command, &mut |line| last = line.to_string())?;
        if exit != 0 || !last.contains(&rust.version.to_string()) {
            return Err(Failure::platform(format!(
                "{program} of Rust {rust} does not run from a copy"
            ))
            .why(last)
            .next("install Rust again, or another version of it"));
        }
    }
    Ok(())
}

/// Runs the copy at its new place, and lets it compile its library: it is read-only later.
fn finish(
    python: &Tool,
    root: &Path,
    target: &Path,
    user: Option<&User>,
    exec: &mut Exec<'_>,
    said: &mut dyn FnMut(&str),
) -> Result<(), Failure> {
    if let Some(user) = user {
        files::give_to(root, user)?;
    }
    let exe = python.exe().display().to_string();
    let mut last = String::new();
    let mut run = |argv: Vec<String>| -> Result<i32, Failure> {
        let mut command = Confined::new(argv);
        command.env.insert("PYTHONHASHSEED".into(), "0".into());
        command.mounts =
            vec![Mount::ReadWrite { source: root.to_path_buf(), target: target.to_path_buf() }];
        exec(&command, &mut |line| last = line.to_string())
    };
    let words = |words: &[&str]| words.iter().map(|word| word.to_string()).collect();
    let tried = run(words(&[&exe, "-I", "-B", "-c", SELF_TEST]))?;
    if tried == 0 {
        // In one process and with our hash seed (so no `-I`): the bytecode is the same each time.
        said("compiling its library once");
        let library = format!("{}/lib/{}", target.display(), python.exe_name());
        run(words(&[&[exe.as_str(), "-s", "-B"][..], &COMPILE, &[&library]].concat()))?;
    }
    if tried != 0 || last != python.version.to_string() {
        return Err(Failure::platform(format!("Python {python} does not run from a copy"))
            .why(last)
            .next("install python3-venv on the server, or another Python"));
    }
    if user.is_some() {
        files::give_to(root, &User { uid: 0, gid: 0 })?;
    }
    files::make_plain(root).map(drop)
}

fn note_down(note: &Path, digest: &Digest) -> Result<(), Failure> {
    let tmp = note.with_extension("new");
    fs::write(&tmp, format!("{digest}\n")).map_err(failed("write", &tmp))?;
    fs::rename(&tmp, note).map_err(failed("write", note))
}

/// Waits for the lock; let go of when the file is dropped.
pub fn locked(path: &Path) -> Result<fs::File, Failure> {
    let file =
        fs::File::options().create(true).append(true).open(path).map_err(failed("open", path))?;
    file.lock().map_err(failed("lock", path))?;
    Ok(file)
}
