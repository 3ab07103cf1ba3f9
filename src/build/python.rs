//! Python with requirements.txt: a venv at `/app/.venv`, pip, bytecode that names no times.

use super::environment::{self, APP};
use super::plan::{Layer, Plan, Stage, Step, digest_of};
use super::requirements::{self, Requirement};
use super::toolchain::{Python, Toolchains};
use super::tree::Tree;
use super::version::Wanted;
use super::{command, pins};
use crate::app::{BuildSettings, Diagnostic, Diagnostics, Failure, SourceFile};
use std::collections::BTreeMap;

pub const FOLDER: &str = ".venv";
const VENV: &str = "/app/.venv";
pub const LIST: &str = "requirements.txt";

pub fn add(
    plan: &mut Plan,
    tree: &Tree,
    build: &BuildSettings,
    available: &Toolchains,
) -> Result<(), Failure> {
    let declared = declared(tree)?;
    let wanted = declared.as_ref().map(|(wanted, _)| *wanted);
    let python =
        available.choose(wanted).ok_or_else(|| unavailable(declared.as_ref(), available))?;
    let lists = lists(tree);
    let parsed = || lists.iter().map(|(path, text)| (path.as_str(), requirements::parse(text)));
    plan.warnings.extend(pins::warnings(tree, parsed()));
    if wanted.is_none() {
        let version = format!("{}.{}", python.version.major, python.version.minor);
        plan.warnings.push(format!("no Python version declared, taking {python}; `echo {version} > .python-version` keeps it"));
    }
    let hashes = parsed().any(|(_, list)| requirements::has_hashes(&list));
    let local =
        parsed().any(|(_, list)| list.iter().any(|r| matches!(r, Requirement::Local { .. })));
    plan.env = environment::of_a_build(Some(python));
    plan.env.extend(build.env.clone());
    plan.toolchain = Some(python.clone());
    plan.stages.push(venv(python, plan));
    let mut dependencies = dependencies(hashes);
    if !local {
        dependencies.layer = Some(layer(plan, &dependencies, lists));
    }
    plan.stages.push(dependencies);
    plan.stages.extend(command::stage(build));
    plan.stages.push(bytecode());
    Ok(())
}

/// An empty venv: the slowest part of a first build, and the same for every app. It is made
/// in `/`, for an `email.py` of the app would be taken for Python's.
fn venv(python: &Python, plan: &Plan) -> Stage {
    let mut make = Step::new([&python.exe().display().to_string(), "-m", "venv", VENV]);
    make.cwd = "/".to_string();
    let steps = vec![make, compile(&[&format!("{VENV}/lib")])];
    let env = environment::of_a_build(Some(python));
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
    let key =
        digest_of(&(&lists, &plan.toolchain, &plan.stack, &plan.env, &stage.steps, &plan.stages));
    Layer { path: FOLDER.to_string(), key, shared: false, inputs: lists.into_keys().collect() }
}

/// requirements.txt and the files it names, directly or not.
pub fn lists(tree: &Tree) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut wanted = vec![LIST.to_string()];
    while let Some(path) = wanted.pop() {
        let Some(text) = tree.text(&path) else { continue };
        if found.insert(path.clone(), text.to_string()).is_none() {
            wanted.extend(super::tree::included(&path, text));
        }
    }
    found
}

/// `.python-version` before `runtime.txt`; the file's name is given back.
fn declared(tree: &Tree) -> Result<Option<(Wanted, &'static str)>, Failure> {
    for name in [".python-version", "runtime.txt"] {
        let Some(text) = tree.text(name) else { continue };
        let file = SourceFile::new(name, text);
        let mut lines = file.lines().map(|(start, line)| (start, line.trim_end()));
        let Some((start, line)) =
            lines.find(|(_, line)| !line.is_empty() && !line.starts_with('#'))
        else {
            continue;
        };
        return match line.trim_start().parse() {
            Ok(wanted) => Ok(Some((wanted, name))),
            Err(problem) => {
                let found = Diagnostic::new(
                    start..start + line.len(),
                    problem,
                    "expected like 3.12 or 3.12.1",
                );
                Err(Diagnostics { file: file.clone(), list: vec![found] }.into())
            }
        };
    }
    Ok(None)
}

fn unavailable(declared: Option<&(Wanted, &str)>, available: &Toolchains) -> Failure {
    let failure = match declared {
        Some((wanted, file)) => {
            Failure::app(format!("Python {wanted}, which {file} asks for, is not on this server"))
        }
        None => Failure::app("there is no usable Python on this server"),
    };
    let broken = available.unusable.iter();
    let failure = broken.fold(failure, |failure, (what, why)| {
        failure.why(format!("{what} cannot make a venv: {why}"))
    });
    let all: Vec<String> = available.pythons.iter().map(Python::to_string).collect();
    if all.is_empty() {
        return failure.next("apt install python3-venv");
    }
    let failure = failure.why(format!("available: {}", all.join(", ")));
    let newest = available.pythons.iter().map(|python| python.version).max();
    let file = declared.map(|(_, file)| *file).unwrap_or(".python-version");
    let prefix = if file == "runtime.txt" { "python-" } else { "" };
    match newest {
        Some(version) => failure.next(format!(
            "write `{prefix}{version}` into {file}, or install the version asked for on the server"
        )),
        None => failure,
    }
}
