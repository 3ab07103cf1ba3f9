//! A git checkout as its owner sees it, opened for one deploy.

use super::facts::{DIRTY_SHOWN, Facts};
use super::files::{File, Files, Source};
use super::git::Git;
use super::links::{self, Links};
use super::names::{is_inside, listed, shown};
use super::place::{Place, no_working_tree};
use super::revision::{find_commit, find_tree, normal};
use super::unpack::{Limits, SOURCE_LIMITS, too_large};
use super::{archive, commit, content::Contents, lfs, worktree};
use crate::app::Failure;
use std::io::{BufWriter, Write};
use std::path::Path;

const LARGEST_SHOWN: usize = 5;

#[derive(Debug, Clone, Default)]
pub struct Options {
    /// A branch, a tag, a commit; HEAD when absent.
    pub revision: Option<String>,
    /// Deploy the working tree as it is.
    pub dirty: bool,
    /// Of a monorepo; relative to the repository's top.
    pub subdir: Option<String>,
}

/// Everything that can be wrong with a source is found when it is opened.
#[derive(Debug)]
pub struct Checkout {
    facts: Facts,
    files: Files,
    links: Links,
}

impl Checkout {
    pub fn open(start: &Path, options: Options) -> Result<Checkout, Failure> {
        let Options { revision, dirty, subdir } = options;
        if dirty && revision.is_some() {
            return Err(Failure::usage("--dirty and a revision exclude each other")
                .why("--dirty deploys the working tree, a revision what was committed"));
        }
        let place = Place::find(start)?;
        let subdir = subdir.map(|subdir| normal(&subdir)).transpose()?.flatten();
        let git = &place.git;
        let commit = find_commit(git, revision.as_deref())?;
        let tree = find_tree(git, &commit, subdir.as_deref())?;
        let folder = place.top.as_ref().map(|top| match &subdir {
            Some(subdir) => top.join(subdir),
            None => top.clone(),
        });
        let changed = match &folder {
            Some(folder) if revision.is_none() => worktree::changes(folder)?,
            _ => Vec::new(),
        };
        if !changed.is_empty() && !dirty {
            return Err(uncommitted(&changed));
        }
        let files = match folder.as_deref() {
            Some(folder) if dirty => worktree::files(folder)?,
            None if dirty => return Err(no_working_tree(start)),
            folder => Files::of_tree(git.clone(), &tree, folder)?,
        };
        if files.list.is_empty() {
            return Err(nothing_in(subdir.as_deref()));
        }
        check_size(&files.list, SOURCE_LIMITS)?;
        let links = checked(&files)?;
        let facts = facts(git, commit, tree, subdir, revision.as_deref(), &changed)?;
        Ok(Checkout { facts: Facts { dirty, ..facts }, files, links })
    }

    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// The same bytes for the same files, from whatever clone and whenever.
    pub fn write_tar(&self, out: &mut impl Write) -> Result<(), Failure> {
        let mut out = BufWriter::with_capacity(64 * 1024, out);
        archive::write(&self.files, &self.links, &mut out)
    }
}

fn uncommitted(changed: &[Vec<u8>]) -> Failure {
    let list = listed(changed.iter().map(|path| &path[..]));
    Failure::usage(format!("the working tree has changes that are not committed:\n{list}"))
        .why("a deploy is made from a commit, so they would be missing in it")
        .next("commit them, or deploy them as they are with --dirty")
}

fn nothing_in(subdir: Option<&str>) -> Failure {
    let place = subdir.map_or("the commit".to_string(), |subdir| format!("the folder {subdir}"));
    Failure::usage(format!("{place} has no files")).why("there is nothing to deploy")
}

/// What the server would refuse is not sent to it first; the largest files are named.
fn check_size(list: &[File], limits: Limits) -> Result<(), Failure> {
    let all: u64 = list.iter().map(size).fold(0, u64::saturating_add);
    if all <= limits.bytes && list.len() as u64 <= limits.entries {
        return Ok(());
    }
    let mut largest: Vec<(u64, &[u8])> =
        list.iter().map(|file| (size(file), &file.path[..])).collect();
    largest.sort_by(|(one, _), (other, _)| other.cmp(one));
    let paths = largest
        .iter()
        .take(LARGEST_SHOWN)
        .map(|(bytes, path)| format!("  {} MiB  {}", bytes >> 20, shown(path)));
    let paths = paths.collect::<Vec<_>>().join("\n");
    let found = format!("it has {} files and {} MiB; the largest:\n{paths}", list.len(), all >> 20);
    Err(too_large(limits).why(found))
}

fn size(file: &File) -> u64 {
    match &file.source {
        Source::Object { size, .. } => *size,
        Source::Disk(path) => std::fs::symlink_metadata(path).map_or(0, |found| found.len()),
    }
}

/// Refuses what could not run as it is; gives the target of each link.
fn checked(files: &Files) -> Result<Links, Failure> {
    let mut contents = Contents::of(&files.repositories);
    let mut links = Links::new();
    let mut pointers = Vec::new();
    for file in &files.list {
        if !is_inside(&file.path) {
            let message = format!("{} cannot be the name of a file", shown(&file.path));
            return Err(Failure::usage(message));
        }
        if file.is_link() {
            links.insert(file.path.clone(), contents.all(file)?);
        } else if may_be_pointer(file) && lfs::is_pointer(&contents.all(file)?) {
            pointers.push(&file.path[..]);
        }
    }
    if !pointers.is_empty() {
        let list = listed(pointers.into_iter());
        return Err(Failure::usage(format!("Git LFS keeps the content of these files:\n{list}"))
            .why("the commit only has a pointer to each, which is not what the app expects")
            .next("git lfs pull, then deploy the working tree with --dirty"));
    }
    if let Some((path, target)) = links::first_escape(&links) {
        let (path, target) = (shown(path), shown(target));
        let message = format!("the link {path} leads out of the source: {target}");
        return Err(Failure::usage(message).next("make it relative, to a file of the source"));
    }
    Ok(links)
}

fn may_be_pointer(file: &File) -> bool {
    (1..=lfs::LONGEST).contains(&size(file))
}

fn facts(
    git: &Git,
    commit: String,
    tree: String,
    subdir: Option<String>,
    revision: Option<&str>,
    changed: &[Vec<u8>],
) -> Result<Facts, Failure> {
    let object = git.read(["cat-file", "commit", &commit])?;
    let said = commit::parse(&object).ok_or_else(|| {
        Failure::platform(format!("git's commit {commit} is damaged")).next("git fsck")
    })?;
    let shallow = git.read(["rev-parse", "--is-shallow-repository"])?.starts_with(b"true");
    let mut roots = Vec::new();
    if !shallow {
        let list = git.read(["rev-list", "--max-parents=0", &commit])?;
        roots = String::from_utf8_lossy(&list).lines().map(str::to_string).collect();
        roots.sort();
    }
    let name = revision.unwrap_or("HEAD");
    let full = git.ask(["rev-parse", "--verify", "--quiet", "--symbolic-full-name", name])?;
    let branch = full.and_then(|full| full.strip_prefix("refs/heads/").map(str::to_string));
    let dirty_files = changed.iter().take(DIRTY_SHOWN).map(|path| shown(path)).collect();
    Ok(Facts {
        commit,
        tree,
        roots,
        shallow,
        subdir,
        branch,
        author: said.author,
        author_time: said.author_time,
        commit_time: said.commit_time,
        subject: said.subject,
        dirty: false,
        dirty_files,
    })
}
