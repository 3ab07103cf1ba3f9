//! The venv at `/app/.venv`, whoever fills it, and the bytecode of what lies there.

use super::super::environment::{self, APP};
use super::super::plan::{Layer, Plan, Stage, Step, digest_of};
use super::super::tool::{Tool, ToolName};
use super::super::tree::Tree;
use std::collections::BTreeMap;

pub const FOLDER: &str = ".venv";
pub const VENV: &str = "/app/.venv";

/// An empty venv: the slowest part of a first build, and the same for every app. It is made
/// in `/`, for an `email.py` of the app would be taken for Python's.
pub fn stage(python: &Tool, plan: &Plan) -> Stage {
    let mut make = Step::new([&python.exe().display().to_string(), "-m", "venv", VENV]);
    make.cwd = "/".to_string();
    let steps = vec![make, compile(&[&format!("{VENV}/lib")])];
    let env = environment::of_a_build(std::slice::from_ref(python));
    let key = digest_of(&("venv", python, &plan.stack, env, &steps));
    let layer = Layer { path: FOLDER.to_string(), key, shared: true, inputs: Vec::new() };
    Stage { name: format!("venv of Python {}", python.version), steps, layer: Some(layer) }
}

/// What was installed; pip itself is compiled already.
pub fn installed() -> Step {
    compile(&["-x", "/site-packages/pip/", &format!("{VENV}/lib")])
}

/// The app's own modules: `/app` is read-only later, so what is not compiled now is compiled
/// again at every start.
pub fn bytecode() -> Stage {
    let steps = vec![compile(&["-x", r"/(\.venv|node_modules)/", APP])];
    Stage { name: "bytecode".to_string(), steps, layer: None }
}

/// Bytecode that names no times, and so is the same each time.
pub const COMPILE: [&str; 7] =
    ["-m", "compileall", "-f", "-q", "-q", "--invalidation-mode", "unchecked-hash"];

fn compile(what: &[&str]) -> Step {
    let mut step = Step::new([&format!("{VENV}/bin/python")]);
    step.argv.extend(COMPILE.map(String::from));
    step.argv.extend(what.iter().map(|word| word.to_string()));
    step.cwd = "/".to_string();
    step.may_fail = true;
    step
}

/// All that decides what lies in the venv: these files, the tools, and what the stages do.
pub fn layer(plan: &Plan, stage: &Stage, inputs: &BTreeMap<String, String>) -> Layer {
    let key = digest_of(&(
        inputs,
        plan.tool(Some(ToolName::Python)),
        &plan.stack,
        &plan.env,
        &stage.steps,
        &plan.stages,
    ));
    let inputs = inputs.keys().cloned().collect();
    Layer { path: FOLDER.to_string(), key, shared: false, inputs }
}

/// Those of these files that are there.
pub fn inputs(tree: &Tree, names: &[&str]) -> BTreeMap<String, String> {
    let text = |name: &&str| Some((name.to_string(), tree.text(name)?.to_string()));
    names.iter().filter_map(text).collect()
}
