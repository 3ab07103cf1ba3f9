//! Repositories made here, for the demo and for tests: the author is xii, and no setting
//! or hook of the machine has a say.

use super::git::{Git, complaint, not_started};
use crate::app::Failure;
use std::path::Path;

const AUTHOR: [&str; 6] =
    ["-c", "user.name=xii demo", "-c", "user.email=demo@xii.invalid", "-c", "commit.gpgsign=false"];

/// Commits everything in the folder, which becomes a repository if it is none.
pub fn commit_all(folder: &Path, message: &str) -> Result<(), Failure> {
    if !folder.join(".git").exists() {
        run(folder, &["init", "--quiet", "--initial-branch=main", "--template="])?;
    }
    run(folder, &["add", "--all"])?;
    run(folder, &[&AUTHOR[..], &["commit", "--quiet", "--no-verify", "-m", message]].concat())
}

fn run(folder: &Path, args: &[&str]) -> Result<(), Failure> {
    let mut git = Git::at(folder).command(args);
    git.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
    let output = git.output().map_err(not_started)?;
    if output.status.success() {
        return Ok(());
    }
    let message = format!("git could not commit in {}", folder.display());
    Err(Failure::platform(message).why(complaint(&output)))
}
