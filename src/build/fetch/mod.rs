//! Tools fetched from package registries into `stacks/<digest>`, by the registries' own
//! clients, confined like any build. What was fetched once stays: the next build with the
//! same wish asks nobody.
//!
//! ```text
//! stacks/<digest>/            the tool itself
//! stacks/tools/<slug>-<key>   which tool it is, as JSON
//! ```

mod client;
mod nearest;
mod npm;
mod pip;

use super::exec::Exec;
use super::files::failed;
use super::plan::digest_of;
use super::stacks;
use super::tool::{Origin, Tool, ToolName, Wish};
use super::toolchain::Toolchains;
use crate::app::Failure;
use crate::sandbox::User;
use crate::store::Home;
use std::fs;
use std::path::PathBuf;

/// A wish, and what may be used to fulfil it.
pub struct Fetch<'a> {
    pub home: &'a Home,
    pub wish: &'a Wish,
    pub available: &'a Toolchains,
    /// As whom the clients run; `None` without root.
    pub user: Option<&'a User>,
}

/// Blocking. An error leaves nothing behind.
pub fn fetch(
    request: &Fetch<'_>,
    exec: &mut Exec<'_>,
    said: &mut dyn FnMut(&str),
) -> Result<Tool, Failure> {
    let tool = match request.wish.name {
        ToolName::Node | ToolName::Npm | ToolName::Pnpm | ToolName::Yarn => {
            npm::fetch(request, exec, said)?
        }
        ToolName::Uv | ToolName::Poetry | ToolName::Pipenv => pip::fetch(request, exec, said)?,
        ToolName::Python | ToolName::Rust => {
            let Wish { name, version, .. } = request.wish;
            return Err(Failure::app(format!("{name} {version} is in no package registry")));
        }
    };
    note_down(request.home, &tool)?;
    Ok(tool)
}

/// All that was fetched and is still there.
pub fn fetched(home: &Home) -> Vec<Tool> {
    let notes = fs::read_dir(notes(home)).into_iter().flatten().flatten();
    let tool = |path: PathBuf| serde_json::from_slice::<Tool>(&fs::read(path).ok()?).ok();
    let is_there = |tool: &Tool| match &tool.origin {
        Origin::Registry { digest, .. } => stacks::place(home, digest).is_dir(),
        Origin::Stack { .. } | Origin::Server { .. } => false,
    };
    let mut found: Vec<Tool> =
        notes.filter_map(|entry| tool(entry.path())).filter(is_there).collect();
    found.sort_by_key(|tool| (tool.name, tool.version));
    found
}

fn notes(home: &Home) -> PathBuf {
    home.stacks().join("tools")
}

fn note_down(home: &Home, tool: &Tool) -> Result<(), Failure> {
    let folder = notes(home);
    fs::create_dir_all(&folder).map_err(failed("make", &folder))?;
    let text = serde_json::to_string_pretty(tool)
        .map_err(|error| Failure::internal("a tool cannot be described").because(error))?;
    let name = format!("{}-{}", tool.slug(), digest_of(tool).short());
    let new = folder.join(format!(".{name}.new"));
    fs::write(&new, text).map_err(failed("write", &new))?;
    fs::rename(&new, folder.join(&name)).map_err(failed("write", &folder.join(&name)))
}
