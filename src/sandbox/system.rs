//! The system below an app: the host's own `/usr`, or a folder that is a root file system.
//! Opened before the old root is covered, read-only whatever it is.

use super::etc;
use super::spec::Root;
use super::step::{Result, at};
use super::tree::{NODEV, NOSUID, RDONLY, clone_of};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

pub const READ_ONLY: u64 = RDONLY | NOSUID | NODEV;

/// Made anew for each process, so never a stack's own; nobody lives in a stack.
const MADE: [&str; 10] = ["dev", "proc", "sys", "tmp", "run", "home", "root", "etc", "opt", "app"];

/// What to put where, by the path inside.
#[derive(Default)]
pub struct System {
    pub binds: Vec<(PathBuf, OwnedFd)>,
    pub links: Vec<(PathBuf, PathBuf)>,
}

impl System {
    pub fn open(root: &Root) -> Result<System> {
        let mut system = System::default();
        match root {
            Root::Host => {
                system.host()?;
                etc::of_host(&mut system)?;
            }
            Root::Folder(folder) => {
                system.take(folder, Path::new("/"), |name| MADE.contains(&name))?;
                // xii mounts things below it, so it is a folder of ours too.
                let opt = folder.join("opt");
                if opt.is_dir() {
                    system.take(&opt, Path::new("/opt"), |name| name == "xii")?;
                }
                etc::of_folder(folder, &mut system)?;
            }
        }
        Ok(system)
    }

    fn host(&mut self) -> Result<()> {
        self.bind("/usr".into(), Path::new("/usr"))?;
        for name in ["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"] {
            let path = PathBuf::from(name);
            match (std::fs::read_link(&path), path.is_dir()) {
                (Ok(target), true) => self.links.push((path, target)),
                (Err(_), true) => self.bind(path.clone(), &path)?,
                _ => {}
            }
        }
        Ok(())
    }

    pub fn bind(&mut self, inside: PathBuf, from: &Path) -> Result<()> {
        self.binds.push((inside, clone_of(from, READ_ONLY)?));
        Ok(())
    }

    /// Every entry of a folder but those left out; a link stays the link it is.
    pub fn take(
        &mut self,
        folder: &Path,
        inside: &Path,
        left_out: impl Fn(&str) -> bool,
    ) -> Result<()> {
        let step = || format!("open {}", folder.display());
        for entry in at(std::fs::read_dir(folder), step)? {
            let name = at(entry, step)?.file_name();
            if name.to_str().is_some_and(&left_out) {
                continue;
            }
            let (from, to) = (folder.join(&name), inside.join(&name));
            match std::fs::read_link(&from) {
                Ok(target) => self.links.push((to, target)),
                Err(_) => self.bind(to, &from)?,
            }
        }
        Ok(())
    }
}
