//! Python: a venv at `/app/.venv`, the packages a lock or a list names, bytecode that names
//! no times.
//!
//! ```text
//! package_manager.rs locked.rs   which lock decides, and what it names
//! project.rs range.rs version.rs   which Python
//! tools.rs               uv, Poetry, Pipenv
//! venv.rs install.rs     the venv and how it is filled
//! requirements.rs pins.rs   pip's lists, and what they leave open
//! django.rs start.rs     static files; the line of a Procfile
//! ```

mod django;
mod install;
mod locked;
mod package_manager;
pub mod pins;
mod project;
mod range;
pub mod requirements;
mod start;
mod tools;
mod venv;
mod version;

use super::draft::{Draft, Stop};
use super::language::{Kind, Language};
use super::plan::{Stage, Step};
use super::tree::Tree;
use crate::app::{Failure, Manifests};
use std::collections::BTreeMap;

pub use start::example;
pub use tools::made_with;
pub use venv::COMPILE;
/// The version a tree declares, for the choice of a stack.
pub use version::{is_here, wanted};

pub const LIST: &str = "requirements.txt";

/// As Heroku sets them: modules are found from the root, the router is trusted to say who
/// asks, and gunicorn prints what it serves.
const RUN_ENV: [(&str, &str); 3] = [
    ("PYTHONPATH", "/app"),
    ("FORWARDED_ALLOW_IPS", "*"),
    ("GUNICORN_CMD_ARGS", "--access-logfile -"),
];

pub struct Python;

impl Language for Python {
    fn recognises(&self, tree: &Tree, manifests: &Manifests) -> bool {
        let own_way =
            manifests.settings.build.command.is_some() && package_manager::of(tree).is_err();
        package_manager::is_python(tree) && !own_way
    }

    fn check(&self, tree: &Tree) -> Result<(), Failure> {
        package_manager::of(tree).map(drop)
    }

    fn plan(&self, draft: &mut Draft<'_>) -> Result<(), Stop> {
        let manager = package_manager::of(draft.tree)?;
        let python = version::choose(draft, manager)?;
        draft.plan.warnings.extend(package_manager::unread(draft.tree, manager));
        draft.use_tool(&python);
        let tool = tools::tool(draft, manager, &python)?;
        if let Some(tool) = &tool {
            match tools::is_run(draft, tool.name) {
                true => draft.use_tool(tool),
                false => draft.use_to_build(tool),
            }
            tools::to_build(draft, manager, &python);
        }
        let last = draft.is_last(Kind::Python);
        hook(draft, "bin/pre_compile", last);
        let venv = venv::stage(&python, &draft.plan);
        draft.stage(venv);
        let locked = locked::read(draft.tree, manager);
        install::stages(draft, manager, tool.as_ref(), &locked);
        if last {
            draft.build_command();
        }
        if let Some(stage) = django::collectstatic(draft, &locked) {
            draft.stage(stage);
        }
        hook(draft, "bin/post_compile", last);
        draft.stage(venv::bytecode());
        let run_env = RUN_ENV.map(|(name, value)| (name.to_string(), value.to_string()));
        draft.plan.run_env.extend(run_env);
        if tool.is_some_and(|tool| !draft.plan.only_to_build.contains(&tool.name)) {
            tools::to_run(draft, manager);
        }
        Ok(())
    }
}

/// Heroku's Python apps may bring scripts of their own to run before and after.
fn hook(draft: &mut Draft<'_>, path: &str, last: bool) {
    if last && draft.tree.deeper.contains(path) {
        let steps = vec![Step::shell(&format!("chmod +x {path}; {path}"))];
        draft.stage(Stage { name: path.to_string(), steps, layer: None });
    }
}

/// requirements.txt and the files it names, directly or not.
pub fn lists(tree: &Tree) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut wanted = vec![LIST.to_string()];
    while let Some(path) = wanted.pop() {
        let Some(text) = tree.text(&path) else { continue };
        if found.insert(path.clone(), text.to_string()).is_none() {
            wanted.extend(requirements::included(&path, text));
        }
    }
    found
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
