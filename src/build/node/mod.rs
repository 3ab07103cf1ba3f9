//! Node.js: what package.json and its lock say.
//!
//! ```text
//! package.rs   package.json          lock.rs     whose lock, and what it does not hold
//! range.rs     versions as npm says  version.rs  which Node.js
//! package_manager.rs   npm, pnpm, Yarn       env.rs      what they read
//! stages.rs    what a build does     found.rs    which Node.js are here
//! hints.rs     what their last words mean
//! ```

mod env;
mod found;
mod hints;
mod lock;
mod package;
mod package_manager;
mod range;
mod stages;
mod version;

pub use found::{copy, link_npm, of_stack, on_path, run, try_out};
pub use hints::HINTS;
pub use lock::is_locked;
pub use range::{Range, npm_for};

use super::draft::{Draft, Stop};
use super::language::{Kind, Language};
use super::tool::Tool;
use super::tree::Tree;
use crate::app::{Failure, Manifests, ProcessType};
use package::Package;

pub struct Node;

impl Language for Node {
    /// With a `[build] command` and nothing locked, the command is the way.
    fn recognises(&self, tree: &Tree, manifests: &Manifests) -> bool {
        let own_way = manifests.settings.build.command.is_some() && !is_locked(tree);
        tree.has("package.json") && !own_way
    }

    fn check(&self, tree: &Tree) -> Result<(), Failure> {
        lock::find(tree, &Package::read(tree)?).map(drop)
    }

    fn plan(&self, draft: &mut Draft<'_>) -> Result<(), Stop> {
        let package = Package::read(draft.tree)?;
        let tree = draft.tree;
        let lock = lock::find(tree, &package)?;
        let start = stages::start(tree, &package);
        if start.is_none() && needs_start(draft) {
            return Err(no_start().into());
        }
        let node = version::choose(draft, &package)?;
        let chosen = package_manager::choose(draft, &package, lock.as_ref(), &node)?;
        if let Some(tool) = &chosen.tool {
            draft.use_tool(tool);
        }
        draft.use_tool(&node);
        let settings = tree.text(".yarnrc.yml");
        draft.plan.env.extend(env::of_a_build(&chosen, &headers(&node), settings));
        draft.finish();
        draft.plan.run_env.extend(env::of_a_run(&chosen, settings));
        warn(draft, lock.as_ref());
        let parts = stages::Parts { package: &package, lock, chosen: &chosen };
        stages::add(draft, &parts);
        if let (true, Some(start)) = (needs_start(draft), start) {
            draft.plan.commands.insert(ProcessType::web(), start.command(&chosen));
        }
        Ok(())
    }
}

fn headers(node: &Tool) -> String {
    node.mount().map_or("/usr".to_string(), |mount| mount.display().to_string())
}

/// Whether xii has to know what to run: there is neither a Procfile nor an `[build] output`.
fn needs_start(draft: &Draft<'_>) -> bool {
    draft.is_last(Kind::Node)
        && draft.manifests.commands.is_empty()
        && draft.plan.commands.is_empty()
}

fn no_start() -> Failure {
    Failure::usage(
        "package.json has no `start` script, and there is neither a Procfile nor a server.js",
    )
    .why("xii does not know what to run")
    .next("write `\"start\": \"node app.js\"` into the scripts of package.json; for a site that the build writes, name its folder in xii.toml: [build] output = \"dist\"")
}

fn warn(draft: &mut Draft<'_>, lock: Option<&lock::Lock<'_>>) {
    let loose = lock.map(lock::unpinned).unwrap_or_default();
    if let (false, Some(lock)) = (loose.is_empty(), lock) {
        let names = loose.join(", ");
        draft.warn(format!(
            "{} names no hash for {names}: another day's build may differ",
            lock.file
        ));
    }
    for name in wanted_variables(draft) {
        draft.warn(format!(
            ".npmrc wants the variable {name}, and builds see no config; packages that need it cannot be installed"
        ));
    }
}

/// `//registry/:_authToken=${NPM_TOKEN}`
fn wanted_variables(draft: &Draft<'_>) -> Vec<String> {
    let text = draft.tree.text(".npmrc").unwrap_or_default();
    let name =
        |rest: &str| rest.split_once('}').map(|(name, _)| name.trim_end_matches('?').to_string());
    let names = text.split("${").skip(1).filter_map(name);
    names.filter(|name| !draft.plan.env.contains_key(name)).collect()
}

#[cfg(test)]
mod plan_tests;
