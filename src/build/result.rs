//! A finished build on the disk: `builds/<digest>/app`, and beside it `build.json`, which
//! says what must be mounted around it. The digest covers both.

use super::bounds::MOST_FILES;
use super::disk::too_many_files;
use super::environment;
use super::event::Phase;
use super::files::{self, TmpDir, failed};
use super::language::Kind;
use super::plan::Plan;
use super::share;
use super::stacks::Mounted;
use crate::app::{Digest, Failure, ProcessType};
use crate::sandbox::{Mount, User};
use crate::store::Home;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

const FILE: &str = "build.json";
const AGAIN: &str = "deploy its commit again: `xii deploy COMMIT` builds it anew";

/// What a build gives back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Build {
    pub digest: Digest,
    /// Bytes of its files.
    pub size: u64,
    pub phases: Vec<Phase>,
    pub description: Description,
}

/// `build.json`: what a release needs to know to run the build. No times, no places.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Description {
    pub language: Option<Kind>,
    pub toolchains: Vec<Mounted>,
    /// Used where the Procfile gives none.
    pub commands: BTreeMap<ProcessType, String>,
    /// What the language sets when the app runs; config stands above it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
}

impl Description {
    pub fn of(plan: &Plan, toolchains: &[Mounted]) -> Self {
        let left_out: Vec<String> = plan
            .only_to_build
            .iter()
            .filter_map(|name| Some(plan.tool(Some(*name))?.slug()))
            .collect();
        let needed = |tool: &&Mounted| !left_out.contains(&tool.name);
        Description {
            language: plan.languages.last().copied(),
            toolchains: toolchains.iter().filter(needed).cloned().collect(),
            commands: plan.commands.clone(),
            env: plan.run_env.clone(),
        }
    }

    pub fn read(home: &Home, build: &Digest) -> Result<Self, Failure> {
        let path = home.build(build).join(FILE);
        let text = match fs::read(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(missing(home, build)),
            read => read.map_err(|error| failed("read", &path)(error).next(AGAIN))?,
        };
        serde_json::from_slice(&text).map_err(|error| {
            Failure::platform(format!("{} is damaged", path.display())).because(error).next(AGAIN)
        })
    }

    /// The build at `/app` and its toolchains, all read-only.
    pub fn mounts(&self, home: &Home, build: &Digest) -> Vec<Mount> {
        let app =
            Mount::ReadOnly { source: app_folder(home, build), target: environment::APP.into() };
        self.toolchains.iter().map(|toolchain| toolchain.mount(home)).chain([app]).collect()
    }

    /// PATH for what runs in it.
    pub fn path(&self) -> String {
        let targets: Vec<String> =
            self.toolchains.iter().map(|t| t.target.display().to_string()).collect();
        environment::path(&targets)
    }
}

/// Whether the files of a build are those that its digest was made of.
pub fn check(home: &Home, build: &Digest) -> Result<(), Failure> {
    let place = home.build(build);
    if !place.is_dir() {
        return Err(missing(home, build));
    }
    let found = crate::codebase::tree_digest(&place).map_err(|failure| failure.next(AGAIN))?;
    match found == *build {
        true => Ok(()),
        false => Err(Failure::platform(format!("{} is damaged", place.display()))
            .why("its files are not those that were built")
            .next(AGAIN)),
    }
}

fn missing(home: &Home, build: &Digest) -> Failure {
    Failure::platform(format!("{} is missing", home.build(build).display())).next(AGAIN)
}

pub fn app_folder(home: &Home, build: &Digest) -> PathBuf {
    home.build(build).join("app")
}

/// Takes a build away: out of its place in one step, then file by file. Absent is fine.
pub fn remove(home: &Home, build: &Digest) -> Result<(), Failure> {
    let place = home.build(build);
    if !place.exists() {
        return Ok(());
    }
    let tmp = TmpDir::new(&home.tmp(), "build")?;
    fs::rename(&place, tmp.path().join("removed")).map_err(failed("move", &place))
}

/// Takes away every build but these.
pub fn keep_only(home: &Home, known: &BTreeSet<Digest>) -> Result<(), Failure> {
    let builds = home.builds();
    for entry in fs::read_dir(&builds).map_err(failed("list", &builds))?.flatten() {
        let digest = entry.file_name().to_str().and_then(|name| name.parse().ok());
        match digest {
            Some(digest) if !known.contains(&digest) => remove(home, &digest)?,
            _ => {}
        }
    }
    Ok(())
}

/// Makes `tree` plain, names it by its content and puts it in its place.
pub fn store(
    home: &Home,
    tree: &Path,
    description: &Description,
    as_root: bool,
    like: Option<&Digest>,
) -> Result<(Digest, u64), Failure> {
    let path = tree.join(FILE);
    let mut text = serde_json::to_string_pretty(description)
        .map_err(|error| Failure::internal("a build cannot be described").because(error))?;
    text.push('\n');
    fs::write(&path, text).map_err(failed("write", &path))?;
    if as_root {
        files::give_to(tree, &User { uid: 0, gid: 0 })?;
    }
    let extent = files::make_plain(tree)?;
    if extent.files > MOST_FILES {
        return Err(too_many_files(MOST_FILES));
    }
    let digest = crate::codebase::tree_digest(tree)?;
    if let Some(like) = like.filter(|like| **like != digest) {
        share::share(tree, &home.build(like))?;
    }
    let place = home.build(&digest);
    if place.exists() && check(home, &digest).is_err() {
        // In its place, for something may run from it.
        files::mend(tree, &place)?;
    }
    files::publish(tree, &place)?;
    Ok((digest, extent.bytes))
}
