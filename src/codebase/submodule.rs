//! A repository in a repository: its commit is recorded outside, its objects are inside.

use super::git::Git;
use super::names::shown;
use crate::app::Failure;
use std::path::Path;

/// The checked-out submodule that holds `commit`.
pub fn open(folder: Option<&Path>, path: &[u8], commit: &str) -> Result<Git, Failure> {
    let Some(folder) = folder.filter(|folder| is_checked_out(folder)) else {
        return Err(missing(path, "it is not checked out"));
    };
    let git = Git::without_filters(folder)?;
    let wanted = format!("{commit}^{{commit}}");
    if !git.run(["cat-file", "-e", &wanted])?.status.success() {
        let short: String = commit.chars().take(12).collect();
        return Err(missing(path, &format!("its commit {short} is not there")));
    }
    Ok(git)
}

/// Without a `.git` of its own, git would take the repository around it.
pub fn is_checked_out(folder: &Path) -> bool {
    let is_folder = std::fs::symlink_metadata(folder).is_ok_and(|found| found.is_dir());
    is_folder && std::fs::symlink_metadata(folder.join(".git")).is_ok()
}

pub fn missing(path: &[u8], why: &str) -> Failure {
    Failure::usage(format!("the content of the submodule {} is missing", shown(path)))
        .why(why)
        .next("git submodule update --init --recursive")
}
