//! npm, pnpm and Yarn: which version of them, and their words for what a build needs.

use super::super::draft::{Draft, Stop};
use super::super::tool::{Origin, Tool, ToolName, Wish};
use super::super::version::Version;
use super::lock::{self, Lock, Manager};
use super::package::Package;
use super::range::{Range, npm_for};
use crate::app::Failure;

/// The package manager as a plan uses it.
#[derive(Debug, Clone, PartialEq)]
pub struct Chosen {
    pub kind: Manager,
    /// `None`: the npm beside Node.js.
    pub tool: Option<Tool>,
    /// For npm without a tool of its own: what fits the Node.js.
    pub version: Version,
}

/// pnpm before this one runs the app's own scripts when it prunes.
const QUIET_PRUNE: Version = Version { major: 8, minor: 15, patch: 6 };

pub fn choose(
    draft: &mut Draft<'_>,
    package: &Package,
    lock: Option<&Lock<'_>>,
    node: &Tool,
) -> Result<Chosen, Stop> {
    let kind = lock.map_or(Manager::Npm, |lock| lock.manager);
    if kind == Manager::Npm {
        return npm(draft, package, node);
    }
    let (name, declared) = wanted(draft, package, kind)?;
    let (text, by) = match &declared {
        Some((text, by)) => (text.clone(), Some(*by)),
        None => (by_lock(kind, lock).to_string(), None),
    };
    let range: Range = text
        .parse()
        .map_err(|problem| Failure::usage(format!("{}: {problem}", by.unwrap_or("the lock"))))?;
    let fits = |tool: &Tool| range.accepts(tool.version) && of_kind(kind, tool);
    let tool = draft.fetched(wish(name, &range.text, by), fits)?;
    if range.exact().is_none() {
        draft.warn(format!(
            "no exact version of {name} is declared, taking {}; `\"packageManager\": \"{}@{}\"` in package.json keeps it",
            tool.version,
            name.slug(),
            tool.version
        ));
    }
    Ok(Chosen { kind, version: tool.version, tool: Some(tool) })
}

/// The one beside Node.js, unless package.json wants another.
fn npm(draft: &Draft<'_>, package: &Package, node: &Tool) -> Result<Chosen, Stop> {
    let beside = npm_for(node.version);
    let named = package.manager().filter(|(name, _)| *name == "npm").map(|(_, version)| version);
    let declared = match (named, package.engine("npm")) {
        (Some(version), _) => Some((version, "package.json: packageManager")),
        (None, Some(range)) => Some((range, "package.json: engines.npm")),
        (None, None) => None,
    };
    let Some((text, by)) = declared else {
        return Ok(Chosen { kind: Manager::Npm, tool: None, version: beside });
    };
    let range: Range =
        text.parse().map_err(|problem| Failure::usage(format!("{by}: {problem}")))?;
    let is_beside = matches!(node.origin, Origin::Registry { .. }) && range.accepts(beside);
    if is_beside || range.text == "*" {
        return Ok(Chosen { kind: Manager::Npm, tool: None, version: beside });
    }
    let wish = wish(ToolName::Npm, &range.text, Some(by));
    let tool = draft.fetched(wish, |tool| range.accepts(tool.version))?;
    Ok(Chosen { kind: Manager::Npm, version: tool.version, tool: Some(tool) })
}

type Asked = Option<(String, &'static str)>;

/// What package.json or .yarnrc.yml ask for.
fn wanted(
    draft: &Draft<'_>,
    package: &Package,
    kind: Manager,
) -> Result<(ToolName, Asked), Failure> {
    let name = if kind == Manager::Pnpm { ToolName::Pnpm } else { ToolName::Yarn };
    let named = package.manager().filter(|(manager, _)| *manager == name.slug());
    if let Some((_, version)) = named {
        return Ok((name, Some((version.to_string(), "package.json: packageManager"))));
    }
    let settings = draft.tree.text(".yarnrc.yml").filter(|_| kind == Manager::Berry);
    if let Some(version) = settings.and_then(checked_in) {
        return Ok((name, Some((version.to_string(), ".yarnrc.yml: yarnPath"))));
    }
    let by = if kind == Manager::Pnpm {
        "package.json: engines.pnpm"
    } else {
        "package.json: engines.yarn"
    };
    Ok((name, package.engine(name.slug()).map(|range| (range.to_string(), by))))
}

/// `yarnPath: .yarn/releases/yarn-4.1.0.cjs` → `4.1.0`
pub fn checked_in(settings: &str) -> Option<&str> {
    let path = settings.lines().find_map(|line| line.strip_prefix("yarnPath:"))?;
    let file = path.trim().trim_matches(['"', '\'']).rsplit('/').next()?;
    let version = file.strip_prefix("yarn-")?.strip_suffix(".cjs")?;
    version.parse::<Version>().is_ok().then_some(version)
}

fn by_lock(kind: Manager, lock: Option<&Lock<'_>>) -> &'static str {
    let text = lock.map_or("", |lock| lock.text);
    match kind {
        Manager::Pnpm => lock::pnpm_of(text),
        Manager::Berry => lock::yarn_of(text),
        Manager::Classic | Manager::Npm => "1.22.22",
    }
}

/// Yarn 1 and later ones are two programs of one name.
fn of_kind(kind: Manager, tool: &Tool) -> bool {
    match kind {
        Manager::Classic => tool.version.major == 1,
        Manager::Berry => tool.version.major > 1,
        Manager::Npm | Manager::Pnpm => true,
    }
}

fn wish(name: ToolName, version: &str, by: Option<&str>) -> Wish {
    let declared_by = by.map(String::from);
    Wish { name, version: version.to_string(), declared_by, with: None, on: None }
}

impl Chosen {
    pub fn program(&self) -> &'static str {
        match self.kind {
            Manager::Npm => "npm",
            Manager::Pnpm => "pnpm",
            Manager::Classic | Manager::Berry => "yarn",
        }
    }

    /// Exactly what the lock names; with what only development needs, or without.
    pub fn install(&self, with_dev: bool) -> Vec<&'static str> {
        let old_npm = self.version.major < 7;
        match (self.kind, with_dev) {
            (Manager::Npm, true) if old_npm => vec!["npm", "ci", "--production=false"],
            (Manager::Npm, false) if old_npm => vec!["npm", "ci", "--production"],
            (Manager::Npm, true) => vec!["npm", "ci", "--include=dev"],
            (Manager::Npm, false) => vec!["npm", "ci", "--omit=dev"],
            (Manager::Pnpm, true) => vec!["pnpm", "install", "--frozen-lockfile", "--prod=false"],
            (Manager::Pnpm, false) => vec!["pnpm", "install", "--frozen-lockfile", "--prod"],
            (Manager::Classic, with_dev) => {
                let dev = if with_dev { "--production=false" } else { "--production=true" };
                vec![
                    "yarn",
                    "install",
                    "--frozen-lockfile",
                    "--ignore-engines",
                    "--non-interactive",
                    dev,
                ]
            }
            (Manager::Berry, _) => vec!["yarn", "install", "--immutable"],
        }
    }

    /// Whether an install can leave out what only development needs.
    pub fn installs_without_dev(&self) -> bool {
        self.kind != Manager::Berry
    }

    /// Takes away what only development needs. `None`: this version cannot do it safely.
    pub fn prune(&self, package: &Package) -> Option<Vec<&'static str>> {
        match self.kind {
            Manager::Npm if self.version.major < 7 => {
                Some(vec!["npm", "prune", "--production", "--ignore-scripts"])
            }
            Manager::Npm => Some(vec!["npm", "prune", "--omit=dev", "--ignore-scripts"]),
            Manager::Pnpm if self.version >= QUIET_PRUNE => {
                Some(vec!["pnpm", "prune", "--prod", "--ignore-scripts"])
            }
            Manager::Pnpm if package.has_lifecycle() => None,
            Manager::Pnpm => Some(vec!["pnpm", "prune", "--prod"]),
            Manager::Classic => Some(vec![
                "yarn",
                "install",
                "--frozen-lockfile",
                "--ignore-engines",
                "--non-interactive",
                "--ignore-scripts",
                "--prefer-offline",
                "--production=true",
            ]),
            Manager::Berry if self.version.major >= 4 => {
                Some(vec!["yarn", "workspaces", "focus", "--all", "--production"])
            }
            Manager::Berry => None,
        }
    }
}
