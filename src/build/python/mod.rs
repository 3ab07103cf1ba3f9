//! Python: a venv at `/app/.venv`, the packages its lock or list names, bytecode that names
//! no times.

pub mod pins;
pub mod requirements;
mod version;

use super::draft::{Draft, Stop};
use super::environment::{self, APP};
use super::language::{Kind, Language};
use super::plan::{Layer, Plan, Stage, Step, digest_of};
use super::tool::{Tool, ToolName};
use super::tree::Tree;
use crate::app::Manifests;
use requirements::Requirement;
use std::collections::BTreeMap;

pub const FOLDER: &str = ".venv";
const VENV: &str = "/app/.venv";
pub const LIST: &str = "requirements.txt";

/// The version a tree declares, for the choice of a stack.
pub use version::{is_here, wanted};

pub struct Python;

impl Language for Python {
    fn recognises(&self, tree: &Tree, _: &Manifests) -> bool {
        tree.has(LIST)
    }

    fn plan(&self, draft: &mut Draft<'_>) -> Result<(), Stop> {
        let python = version::choose(draft)?;
        let lists = lists(draft.tree);
        let parsed = || lists.iter().map(|(path, text)| (path.as_str(), requirements::parse(text)));
        draft.plan.warnings.extend(pins::warnings(parsed()));
        let hashes = parsed().any(|(_, list)| requirements::has_hashes(&list));
        let local =
            parsed().any(|(_, list)| list.iter().any(|r| matches!(r, Requirement::Local { .. })));
        draft.use_tool(&python);
        draft.stage(venv(&python, &draft.plan));
        let mut dependencies = dependencies(hashes);
        if !local {
            dependencies.layer = Some(layer(&draft.plan, &dependencies, lists));
        }
        draft.stage(dependencies);
        if draft.is_last(Kind::Python) {
            draft.build_command();
        }
        draft.stage(bytecode());
        Ok(())
    }
}

/// An empty venv: the slowest part of a first build, and the same for every app. It is made
/// in `/`, for an `email.py` of the app would be taken for Python's.
fn venv(python: &Tool, plan: &Plan) -> Stage {
    let mut make = Step::new([&python.exe().display().to_string(), "-m", "venv", VENV]);
    make.cwd = "/".to_string();
    let steps = vec![make, compile(&[&format!("{VENV}/lib")])];
    let env = environment::of_a_build(std::slice::from_ref(python));
    let key = digest_of(&("venv", python, &plan.stack, env, &steps));
    let layer = Layer { path: FOLDER.to_string(), key, shared: true, inputs: Vec::new() };
    Stage { name: format!("venv of Python {}", python.version), steps, layer: Some(layer) }
}

/// pip itself is compiled already.
fn dependencies(hashes: bool) -> Stage {
    let pip = format!("{VENV}/bin/pip");
    let mut install = Step::new([&pip, "install", "--no-compile", "--progress-bar", "off"]);
    install.argv.extend(hashes.then(|| "--require-hashes".to_string()));
    install.argv.extend(["-r".to_string(), format!("{APP}/{LIST}")]);
    let compile = compile(&["-x", "/site-packages/pip/", &format!("{VENV}/lib")]);
    Stage { name: format!("dependencies: {LIST}"), steps: vec![install, compile], layer: None }
}

/// The app's own modules: `/app` is read-only later, so what is not compiled now is compiled
/// again at every start.
fn bytecode() -> Stage {
    let steps = vec![compile(&["-x", r"/(\.venv|node_modules)/", APP])];
    Stage { name: "bytecode".to_string(), steps, layer: None }
}

fn compile(what: &[&str]) -> Step {
    let mut step = Step::new([
        &format!("{VENV}/bin/python"),
        "-m",
        "compileall",
        "-f",
        "-q",
        "-q",
        "--invalidation-mode",
        "unchecked-hash",
    ]);
    step.argv.extend(what.iter().map(|word| word.to_string()));
    step.cwd = "/".to_string();
    step.may_fail = true;
    step
}

/// All that decides what lies in the venv; the stages before are those of the same toolchain.
fn layer(plan: &Plan, stage: &Stage, lists: BTreeMap<String, String>) -> Layer {
    let key = digest_of(&(
        &lists,
        plan.tool(Some(ToolName::Python)),
        &plan.stack,
        &plan.env,
        &stage.steps,
        &plan.stages,
    ));
    Layer { path: FOLDER.to_string(), key, shared: false, inputs: lists.into_keys().collect() }
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
