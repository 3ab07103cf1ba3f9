//! Which Python: declared, or the stack's own.

use super::super::draft::{Draft, Stop};
use super::super::tool::{Tool, ToolName};
use super::super::toolchain::Toolchains;
use super::super::tree::Tree;
use super::super::version::Wanted;
use crate::app::{Diagnostic, Diagnostics, Failure, SourceFile};

/// What the tree declares.
pub fn wanted(tree: &Tree) -> Result<Option<Wanted>, Failure> {
    Ok(declared(tree)?.map(|(wanted, _)| wanted))
}

pub fn is_here(wanted: Wanted, available: &Toolchains) -> bool {
    available.of(ToolName::Python).any(|python| wanted.accepts(python.version))
}

pub fn choose(draft: &mut Draft<'_>) -> Result<Tool, Stop> {
    let declared = declared(draft.tree)?;
    let wanted = declared.as_ref().map(|(wanted, _)| *wanted);
    let fits = |tool: &Tool| wanted.is_none_or(|wanted| wanted.accepts(tool.version));
    let python = draft.available.choose(ToolName::Python, fits).cloned();
    let python = python.ok_or_else(|| unavailable(declared.as_ref(), draft.available))?;
    if wanted.is_none() {
        let version = format!("{}.{}", python.version.major, python.version.minor);
        draft.warn(format!("no Python version declared, taking {python}; `echo {version} > .python-version` keeps it"));
    }
    Ok(python)
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
    let all: Vec<String> = available.of(ToolName::Python).map(Tool::to_string).collect();
    if all.is_empty() {
        return failure.next("apt install python3-venv");
    }
    let failure = failure.why(format!("available: {}", all.join(", ")));
    let newest = available.of(ToolName::Python).map(|python| python.version).max();
    let file = declared.map(|(_, file)| *file).unwrap_or(".python-version");
    let prefix = if file == "runtime.txt" { "python-" } else { "" };
    match newest {
        Some(version) => failure.next(format!(
            "write `{prefix}{version}` into {file}, or install the version asked for on the server"
        )),
        None => failure,
    }
}
