//! Which repository a deploy is made from, and why there is none.

use super::git::{Git, complaint};
use crate::app::Failure;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Path, PathBuf};

/// Where git is asked, and the working tree's top unless the repository is bare.
pub struct Place {
    pub git: Git,
    pub top: Option<PathBuf>,
}

impl Place {
    pub fn find(start: &Path) -> Result<Place, Failure> {
        if !start.is_dir() {
            return Err(Failure::usage(format!("{} is not a folder", start.display())));
        }
        let git = Git::at(start);
        let bare = git.run(["rev-parse", "--is-bare-repository"])?;
        if !bare.status.success() {
            return Err(no_repository(start, complaint(&bare)));
        }
        if bare.stdout.starts_with(b"true") {
            return Ok(Place { git, top: None });
        }
        let mut top = git.run(["rev-parse", "--show-toplevel"])?;
        if !top.status.success() || top.stdout.pop() != Some(b'\n') {
            return Err(no_working_tree(start).why(complaint(&top)));
        }
        let top = PathBuf::from(OsString::from_vec(top.stdout));
        Ok(Place { git: Git::at(&top), top: Some(top) })
    }
}

fn no_repository(start: &Path, why: String) -> Failure {
    let start = start.display();
    if why.contains("dubious ownership") {
        return Failure::usage(format!("git does not read {start}: it belongs to another user"))
            .why(why.lines().next().unwrap_or_default())
            .next(format!("git config --global --add safe.directory {start}"));
    }
    if !why.contains("not a git repository") {
        return Failure::platform(format!("git could not read {start}")).why(why);
    }
    Failure::usage(format!("{start} is not in a git repository"))
        .why("a deploy is one commit of one repository")
        .next("git init && git add -A && git commit -m 'First version'")
}

pub fn no_working_tree(start: &Path) -> Failure {
    Failure::usage(format!("{} has no working tree", start.display()))
        .next("run this in a checkout, or name a revision of a bare repository without --dirty")
}
