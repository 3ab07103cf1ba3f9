//! uv, Poetry and Pipenv: which version an app gets, and the words they are told by.

use super::super::draft::{Draft, Stop};
use super::super::tool::{Origin, Tool, ToolName, Wish};
use super::package_manager::Manager;
use super::project;
use super::range::Range;
use super::venv::VENV;
use crate::app::Failure;

/// Where an app does not say. Raised with xii: the same xii builds the same.
const UV: &str = "0.13.9";
const POETRY: &str = "2.5.1";
const PIPENV: &str = "2026.10.3";

/// The manager's own tool, or the wish for it.
pub fn tool(draft: &Draft<'_>, manager: Manager, python: &Tool) -> Result<Option<Tool>, Stop> {
    let Some(name) = manager.tool() else { return Ok(None) };
    let (range, declared_by) = declared(draft, name)?;
    let by_default = default(name).parse().map_err(internal)?;
    let version = match &range {
        Some((range, text)) if !range.accepts(by_default) => text.clone(),
        _ => default(name).to_string(),
    };
    let works_with = made_with(name, python);
    let exact = version == default(name);
    let fits = |tool: &Tool| {
        let made = match &tool.origin {
            Origin::Registry { made_with, .. } => *made_with == works_with,
            Origin::Stack { .. } | Origin::Server { .. } => false,
        };
        let version = match &range {
            Some((range, _)) if !exact => range.accepts(tool.version),
            _ => tool.version == by_default,
        };
        made && version
    };
    let wish = Wish { name, version, declared_by, with: Some(Box::new(python.clone())), on: None };
    draft.fetched(wish, fits).map(Some)
}

/// What a tool that is written in Python only works beside.
pub fn made_with(name: ToolName, python: &Tool) -> Option<String> {
    (name != ToolName::Uv).then(|| python.exe().display().to_string())
}

fn default(name: ToolName) -> &'static str {
    match name {
        ToolName::Poetry => POETRY,
        ToolName::Pipenv => PIPENV,
        _ => UV,
    }
}

type Declared = (Option<(Range, String)>, Option<String>);

fn declared(draft: &Draft<'_>, name: ToolName) -> Result<Declared, Failure> {
    let tools = project::read(draft.tree)?.tool;
    let (text, key) = match name {
        ToolName::Uv => (tools.uv.and_then(|uv| uv.required_version), "tool.uv.required-version"),
        ToolName::Poetry => {
            (tools.poetry.and_then(|poetry| poetry.requires_poetry), "tool.poetry.requires-poetry")
        }
        _ => (None, ""),
    };
    let Some(text) = text else { return Ok((None, None)) };
    let by = format!("pyproject.toml: {key}");
    let range: Range =
        text.parse().map_err(|problem| Failure::usage(format!("{by}: {problem}")))?;
    let asked = range.to_string();
    Ok((Some((range, asked)), Some(by)))
}

fn internal(problem: String) -> Failure {
    Failure::internal(problem)
}

/// What tells the tool where the venv is, that Python is there, and to keep its hands off
/// everything else.
pub fn to_build(draft: &mut Draft<'_>, manager: Manager, python: &Tool) {
    let version = python.version.to_string();
    let constants: &[(&str, &str)] = match manager {
        Manager::Pip => &[],
        Manager::Uv => &[
            ("UV_PROJECT_ENVIRONMENT", VENV),
            ("UV_PYTHON", &version),
            ("UV_PYTHON_DOWNLOADS", "never"),
            ("UV_PYTHON_PREFERENCE", "only-system"),
            ("UV_LINK_MODE", "copy"),
            ("UV_CACHE_DIR", "/cache/uv"),
            ("UV_NO_PROGRESS", "1"),
        ],
        Manager::Poetry => &[
            ("VIRTUAL_ENV", VENV),
            ("POETRY_VIRTUALENVS_CREATE", "false"),
            ("POETRY_CACHE_DIR", "/cache/poetry"),
            ("POETRY_NO_INTERACTION", "1"),
        ],
        Manager::Pipenv => &[
            ("VIRTUAL_ENV", VENV),
            ("PIPENV_VERBOSITY", "-1"),
            ("PIPENV_NOSPIN", "1"),
            ("PIPENV_YES", "1"),
            ("PIPENV_CACHE_DIR", "/cache/pipenv"),
        ],
    };
    set(&mut draft.plan.env, constants);
}

/// For `uv run …` in a Procfile: the venv is as it is, and `/app` is read-only.
pub fn to_run(draft: &mut Draft<'_>, manager: Manager) {
    let constants: &[(&str, &str)] = match manager {
        Manager::Pip => &[],
        Manager::Uv => &[
            ("UV_PROJECT_ENVIRONMENT", VENV),
            ("UV_NO_SYNC", "1"),
            ("UV_FROZEN", "1"),
            ("UV_PYTHON_DOWNLOADS", "never"),
            ("UV_CACHE_DIR", "/tmp/uv"),
        ],
        Manager::Poetry => &[
            ("VIRTUAL_ENV", VENV),
            ("POETRY_VIRTUALENVS_CREATE", "false"),
            ("POETRY_CACHE_DIR", "/tmp/poetry"),
            ("POETRY_CONFIG_DIR", "/tmp/poetry"),
        ],
        Manager::Pipenv => &[
            ("VIRTUAL_ENV", VENV),
            ("PIPENV_VERBOSITY", "-1"),
            ("PIPENV_CACHE_DIR", "/tmp/pipenv"),
        ],
    };
    set(&mut draft.plan.run_env, constants);
}

fn set(env: &mut std::collections::BTreeMap<String, String>, constants: &[(&str, &str)]) {
    env.extend(constants.iter().map(|(name, value)| (name.to_string(), value.to_string())));
}

/// Whether a command of the Procfile begins its work by this tool: `cd web && uv run …`.
pub fn is_run(draft: &Draft<'_>, name: ToolName) -> bool {
    let mut commands = draft.manifests.commands.values();
    commands.any(|command| {
        command
            .split(|c: char| c.is_whitespace() || "&|;()'\"".contains(c))
            .any(|word| word == name.slug())
    })
}
