//! Python with requirements.txt: a venv at `/app/.venv`, pip, bytecode that names no times.

use super::command;
use super::environment::{self, APP};
use super::plan::{Layer, Plan, Stage, Step, digest_of};
use super::requirements::{self, Requirement};
use super::toolchain::{Python, Toolchains};
use super::tree::Tree;
use super::version::Wanted;
use crate::app::{BuildSettings, Diagnostic, Diagnostics, Failure, SourceFile};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

const FOLDER: &str = ".venv";
const VENV: &str = "/app/.venv";
/// What a venv itself brings.
const OWN: [&str; 2] = ["pip", "setuptools"];
const LIST: &str = "requirements.txt";

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
    plan.warnings.extend(warnings(tree, parsed()));
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
fn lists(tree: &Tree) -> BTreeMap<String, String> {
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

/// What pip installed beyond what the lists name: it is not pinned.
pub fn unlisted(tree: &Tree, app: &Path) -> Option<String> {
    let lists = lists(tree);
    let name = |requirement| match requirement {
        Requirement::Package { name, .. } => Some(normal(&name)),
        _ => None,
    };
    let listed = lists.values().flat_map(|text| requirements::parse(text)).filter_map(name);
    let own = OWN.map(String::from);
    let known: BTreeSet<String> = listed.chain(own).collect();
    let mut found: Vec<String> = installed(app)
        .into_iter()
        .filter(|(name, _)| !known.contains(&normal(name)))
        .map(|(name, version)| format!("{name}=={version}"))
        .collect();
    found.sort();
    let local = lists
        .values()
        .flat_map(|text| requirements::parse(text))
        .any(|r| matches!(r, Requirement::Local { .. }));
    (!found.is_empty() && !local).then(|| {
        let all = found.join(", ");
        format!("installed, but not in {LIST}: {all}; `pip freeze > {LIST}` pins them too")
    })
}

/// Name and version of each package in the venv.
fn installed(app: &Path) -> Vec<(String, String)> {
    let entries = |path: PathBuf| std::fs::read_dir(path).into_iter().flatten().flatten();
    let libraries =
        entries(app.join(FOLDER).join("lib")).map(|entry| entry.path().join("site-packages"));
    let of = |entry: std::fs::DirEntry| {
        let name = entry.file_name().into_string().ok()?;
        let (name, version) = name.strip_suffix(".dist-info")?.rsplit_once('-')?;
        Some((name.to_string(), version.to_string()))
    };
    libraries.flat_map(entries).filter_map(of).collect()
}

/// As packages are compared: `Foo_Bar` is `foo-bar`.
fn normal(name: &str) -> String {
    let parts = name.split(['-', '_', '.']).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("-").to_ascii_lowercase()
}

fn warnings<'a>(
    tree: &Tree,
    lists: impl Iterator<Item = (&'a str, Vec<Requirement>)>,
) -> Vec<String> {
    let mut found = Vec::new();
    for (path, list) in lists {
        let loose = |requirement: &Requirement| match requirement {
            Requirement::Package { name, pinned: false, .. } => Some(name.clone()),
            _ => None,
        };
        let names: Vec<String> = list.iter().filter_map(loose).collect();
        if !names.is_empty() {
            let names = names.join(", ");
            found.push(format!(
                "{path} does not pin {names}: another day's build may differ; write `name==version`"
            ));
        }
    }
    if tree.has("package.json") {
        found.push(
            "package.json is there too: only Python is built; `[build] command` runs after it"
                .to_string(),
        );
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_that_nobody_listed_are_named() {
        let app = tempfile::tempdir().unwrap();
        let site = app.path().join(".venv/lib/python3.12/site-packages");
        for name in ["Flask-3.0.0", "typing_extensions-4.1", "pip-23.2", "MarkupSafe-3.0.2"] {
            std::fs::create_dir_all(site.join(format!("{name}.dist-info"))).unwrap();
        }
        let text = "flask==3.0.0\nTyping.Extensions==4.1\n".to_string();
        let mut tree =
            Tree { texts: BTreeMap::from([(LIST.to_string(), text)]), ..Tree::default() };
        let warning = unlisted(&tree, app.path()).unwrap();
        assert!(
            warning.starts_with("installed, but not in requirements.txt: MarkupSafe==3.0.2;"),
            "{warning}"
        );
        tree.texts.insert(LIST.to_string(), "flask\ntyping-extensions\nmarkupsafe".to_string());
        assert_eq!(unlisted(&tree, app.path()), None);
    }
}
