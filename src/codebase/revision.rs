//! Names to ids: a revision to its commit, a folder of it to its tree.

use super::git::Git;
use super::names::closest;
use crate::app::Failure;

pub fn find_commit(git: &Git, revision: Option<&str>) -> Result<String, Failure> {
    let name = revision.unwrap_or("HEAD");
    if !name.starts_with('-') {
        let wanted = format!("{name}^{{commit}}");
        if let Some(commit) = git.ask(["rev-parse", "--verify", "--quiet", &wanted])? {
            return Ok(commit);
        }
    }
    let format = "--format=%(refname:lstrip=2)";
    let refs = git.read(["for-each-ref", format, "refs/heads", "refs/tags", "refs/remotes"])?;
    let refs = String::from_utf8_lossy(&refs).into_owned();
    let Some(revision) = revision.filter(|_| !refs.is_empty()) else {
        return Err(Failure::usage("the repository has no commit yet")
            .why("a deploy is made from a commit")
            .next("git add -A && git commit -m 'First version'"));
    };
    let failure = Failure::usage(format!("the repository has no revision {revision:?}"));
    Err(match closest(revision, refs.lines()) {
        Some(meant) => failure.next(format!("did you mean {meant}?")),
        None => failure.next("git branch --all and git tag list what there is"),
    })
}

pub fn find_tree(git: &Git, commit: &str, subdir: Option<&str>) -> Result<String, Failure> {
    let Some(subdir) = subdir else {
        let tree = git.read(["rev-parse", "--verify", &format!("{commit}^{{tree}}")])?;
        return Ok(String::from_utf8_lossy(&tree).trim_end().to_string());
    };
    let listing = git.read(["ls-tree", "-z", "--full-tree", commit, "--", subdir])?;
    let record = String::from_utf8_lossy(&listing).into_owned();
    let mut fields = record.split(['\t', ' ']);
    match (fields.nth(1), fields.next()) {
        (Some("tree"), Some(id)) => return Ok(id.to_string()),
        (Some(_), _) => return Err(Failure::usage(format!("{subdir} is not a folder"))),
        _ => {}
    }
    let folders = git.read(["ls-tree", "-r", "-d", "-z", "--name-only", "--full-tree", commit])?;
    let folders = String::from_utf8_lossy(&folders).into_owned();
    let failure = Failure::usage(format!("the commit has no folder {subdir}"));
    Err(match closest(subdir, folders.split_terminator('\0')) {
        Some(meant) => failure.next(format!("did you mean {meant}?")),
        None => failure,
    })
}

/// `None` for the top itself.
pub fn normal(subdir: &str) -> Result<Option<String>, Failure> {
    let parts: Vec<&str> = subdir.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    if subdir.starts_with('/') || parts.contains(&"..") {
        return Err(Failure::usage(format!("{subdir:?} is not a folder of the repository"))
            .why("it is given relative to the repository's top"));
    }
    Ok((!parts.is_empty()).then(|| parts.join("/")))
}
