//! How each package manager fills the venv: what others published in a layer that follows
//! the lock, then what lies in the checkout itself, which stays where it is: at `/app`.

use super::super::draft::Draft;
use super::super::environment::APP;
use super::super::plan::{Stage, Step};
use super::super::tool::Tool;
use super::super::version::Version;
use super::locked::Locked;
use super::package_manager::Manager;
use super::project::PYPROJECT;
use super::requirements::{self, Requirement};
use super::venv::{self, VENV};
use super::{LIST, lists, pins};

/// The first uv that surely knows `--no-install-local`.
const LEAVES_OUT_LOCAL: Version = Version { major: 0, minor: 9, patch: 0 };

/// With the tool, where the manager is one of its own.
pub fn stages(draft: &mut Draft<'_>, manager: Manager, tool: Option<&Tool>, locked: &Locked) {
    let exe = tool.map(|tool| tool.exe().display().to_string()).unwrap_or_default();
    match manager {
        Manager::Pip => pip(draft, locked),
        Manager::Uv => {
            let sync = [exe.as_str(), "sync", "--locked", "--no-default-groups"];
            let files = [PYPROJECT, "uv.lock", "uv.toml"];
            let can = tool.is_some_and(|tool| tool.version >= LEAVES_OUT_LOCAL);
            let but: &[&str] = if can { &["--no-install-local"] } else { &[] };
            two(draft, manager, &sync, but, &files, locked);
        }
        Manager::Poetry => {
            let install = [exe.as_str(), "install", "--only", "main", "--no-interaction"];
            let files = [PYPROJECT, "poetry.lock", "poetry.toml"];
            two(draft, manager, &install, &["--no-root", "--no-directory"], &files, locked);
        }
        Manager::Pipenv => pipenv(draft, &exe, locked),
    }
}

fn pip(draft: &mut Draft<'_>, locked: &Locked) {
    let lists = lists(draft.tree);
    let parsed: Vec<(&str, Vec<Requirement>)> =
        lists.iter().map(|(path, text)| (path.as_str(), requirements::parse(text))).collect();
    let hashes = parsed.iter().any(|(_, list)| requirements::has_hashes(list));
    draft.plan.warnings.extend(pins::warnings(parsed.into_iter()));
    let pip = format!("{VENV}/bin/pip");
    let mut install = Step::new([&pip, "install", "--no-compile", "--progress-bar", "off"]);
    install.argv.extend(hashes.then(|| "--require-hashes".to_string()));
    install.argv.extend(["-r".to_string(), format!("{APP}/{LIST}")]);
    let mut stage = stage(Manager::Pip, install);
    if !locked.local {
        stage.layer = Some(venv::layer(&draft.plan, &stage, &lists));
    }
    draft.stage(stage);
}

/// `but` leaves out what lies in the checkout; without such a word all is one stage.
fn two(
    draft: &mut Draft<'_>,
    manager: Manager,
    words: &[&str],
    but: &[&str],
    files: &[&str],
    locked: &Locked,
) {
    let mut published = stage(manager, step(&[words, but].concat()));
    if !locked.local || !but.is_empty() {
        let inputs = venv::inputs(draft.tree, files);
        published.layer = Some(venv::layer(&draft.plan, &published, &inputs));
    }
    draft.stage(published);
    if locked.local && !but.is_empty() {
        let mut own = stage(manager, step(words));
        own.name = "the project itself".to_string();
        draft.stage(own);
    }
}

/// Pipenv has no way to leave out what is local.
fn pipenv(draft: &mut Draft<'_>, exe: &str, locked: &Locked) {
    let mut stage = stage(Manager::Pipenv, step(&[exe, "install", "--deploy"]));
    if !locked.local {
        let inputs = venv::inputs(draft.tree, &["Pipfile", "Pipfile.lock"]);
        stage.layer = Some(venv::layer(&draft.plan, &stage, &inputs));
    }
    draft.stage(stage);
}

fn stage(manager: Manager, install: Step) -> Stage {
    let name = format!("dependencies: {}", manager.lock());
    let settle = (manager == Manager::Uv).then(settle);
    let steps = [Some(install), settle, Some(venv::installed())];
    Stage { name, steps: steps.into_iter().flatten().collect(), layer: None }
}

fn step(words: &[&str]) -> Step {
    let mut step = Step::new([]);
    step.argv = words.iter().map(|word| word.to_string()).collect();
    step
}

/// uv notes beside each package when it installed it, for itself.
fn settle() -> Step {
    Step::shell(&format!(
        "find {VENV}/lib -path '*.dist-info/uv_cache.json' -delete; find {VENV}/lib -path '*.dist-info/RECORD' -exec sed -i '/\\/uv_cache.json,/d' {{}} +"
    ))
}
