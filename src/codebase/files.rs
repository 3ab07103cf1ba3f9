//! The files of a commit, from `git ls-tree`, with those of its submodules in their places.

use super::git::Git;
use super::names::{as_path, join};
use super::submodule;
use crate::app::Failure;
use std::path::{Path, PathBuf};

#[derive(Debug)]
pub struct File {
    /// From the top of what is deployed.
    pub path: Vec<u8>,
    pub kind: Kind,
    pub source: Source,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Regular,
    Executable,
    Link,
}

#[derive(Debug)]
pub enum Source {
    Object { repository: usize, id: String, size: u64 },
    Disk(PathBuf),
}

impl File {
    pub fn is_link(&self) -> bool {
        self.kind == Kind::Link
    }
}

/// Files and the repositories that hold their objects.
#[derive(Debug, Default)]
pub struct Files {
    pub list: Vec<File>,
    pub repositories: Vec<Git>,
}

impl Files {
    /// `folder` is where the tree is checked out, if it is: submodules are found below it.
    pub fn of_tree(git: Git, tree: &str, folder: Option<&Path>) -> Result<Files, Failure> {
        let mut files = Files::default();
        files.add_tree(git, tree, folder, b"")?;
        files.list.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(files)
    }

    fn add_tree(
        &mut self,
        git: Git,
        tree: &str,
        folder: Option<&Path>,
        below: &[u8],
    ) -> Result<(), Failure> {
        let listing = git.read(["ls-tree", "-r", "-z", "-l", "--full-tree", tree])?;
        let repository = self.repositories.len();
        self.repositories.push(git);
        for record in listing.split(|byte| *byte == 0).filter(|record| !record.is_empty()) {
            let entry = parse(record).ok_or_else(|| {
                Failure::internal("git ls-tree prints a form that is not known")
                    .why(String::from_utf8_lossy(record))
            })?;
            let path = join(below, entry.path);
            let Some(kind) = kind(entry.mode) else {
                let folder = folder.map(|folder| folder.join(as_path(entry.path)));
                let inner = submodule::open(folder.as_deref(), &path, entry.id)?;
                self.add_tree(inner, entry.id, folder.as_deref(), &path)?;
                continue;
            };
            let source = Source::Object { repository, id: entry.id.to_string(), size: entry.size };
            self.list.push(File { path, kind, source });
        }
        Ok(())
    }
}

struct Entry<'a> {
    mode: &'a str,
    id: &'a str,
    size: u64,
    path: &'a [u8],
}

/// `100644 blob <id>     123<TAB>path`
fn parse(record: &[u8]) -> Option<Entry<'_>> {
    let tab = record.iter().position(|byte| *byte == b'\t')?;
    let mut fields = std::str::from_utf8(&record[..tab]).ok()?.split_ascii_whitespace();
    let (mode, _, id) = (fields.next()?, fields.next()?, fields.next()?);
    let size = fields.next().and_then(|size| size.parse().ok()).unwrap_or(0);
    Some(Entry { mode, id, size, path: &record[tab + 1..] })
}

/// `None` for a submodule.
pub fn kind(mode: &str) -> Option<Kind> {
    match mode {
        "160000" => None,
        "120000" => Some(Kind::Link),
        "100755" => Some(Kind::Executable),
        _ => Some(Kind::Regular),
    }
}
