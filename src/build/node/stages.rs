//! What a Node.js build does, in order: the app's own first word, its packages, its build
//! script, and away with what only the build needed.

use super::super::draft::Draft;
use super::super::language::Kind;
use super::super::plan::{Layer, Stage, Step, digest_of};
use super::super::tree::Tree;
use super::lock::{Lock, Manager};
use super::package::Package;
use super::package_manager::Chosen;
use std::collections::BTreeMap;

const FOLDER: &str = "node_modules";
/// Written beside the lock, and read by an install.
const SETTINGS: [&str; 4] = [".npmrc", ".yarnrc", ".yarnrc.yml", "pnpm-workspace.yaml"];
/// Packages whose install scripts read the app: what they leave follows more than the lock.
const READ_THE_APP: [&str; 2] = ["@prisma/client", "patch-package"];

/// Next.js has its cache below what it builds; it is put beside the app's other caches.
const NEXT_CACHE: &str =
    "mkdir -p .next /cache/next && rm -rf .next/cache && ln -s /cache/next .next/cache";

/// What the stages are made from.
pub struct Parts<'a> {
    pub package: &'a Package,
    pub lock: Option<Lock<'a>>,
    pub chosen: &'a Chosen,
}

pub fn add(draft: &mut Draft<'_>, parts: &Parts<'_>) {
    let package = parts.package;
    if package.script("heroku-prebuild").is_some() {
        draft.stage(script("before the dependencies", parts, "heroku-prebuild"));
    }
    let with_dev = needs_dev(draft, parts);
    if let Some(lock) = &parts.lock {
        let mut install =
            stage(&format!("dependencies: {}", lock.file), &parts.chosen.install(with_dev));
        install.steps.extend(without_times(parts.chosen.kind));
        install.layer = layer(draft, parts, lock, &install.steps);
        draft.stage(install);
    }
    build(draft, parts);
    if parts.lock.is_some() && with_dev {
        prune(draft, parts);
    }
    if package.script("heroku-cleanup").is_some() {
        draft.stage(script("clean-up", parts, "heroku-cleanup"));
    }
}

/// Something besides the packages' own scripts runs before they are pruned.
fn needs_dev(draft: &Draft<'_>, parts: &Parts<'_>) -> bool {
    let package = parts.package;
    let scripts = ["heroku-prebuild", "heroku-postbuild", "build", "heroku-cleanup"];
    scripts.iter().any(|name| package.script(name).is_some())
        || package.has_lifecycle()
        || draft.manifests.settings.build.command.is_some()
        || !draft.is_last(Kind::Node)
        || !parts.chosen.installs_without_dev()
        || draft.tree.has("binding.gyp")
}

/// `[build] command` stands in place of the build script.
fn build(draft: &mut Draft<'_>, parts: &Parts<'_>) {
    if draft.manifests.settings.build.command.is_some() && draft.is_last(Kind::Node) {
        return draft.build_command();
    }
    let names = ["heroku-postbuild", "build"];
    let Some(name) = names.into_iter().find(|name| parts.package.script(name).is_some()) else {
        return;
    };
    let mut stage = script("build script", parts, name);
    if uses_next(parts.package) {
        stage.steps.insert(0, Step::shell(NEXT_CACHE));
    }
    stage.steps.push(without_caches());
    draft.stage(stage);
}

fn uses_next(package: &Package) -> bool {
    package.dependencies().contains_key("next")
}

fn prune(draft: &mut Draft<'_>, parts: &Parts<'_>) {
    let is_pnpm_workspace =
        parts.chosen.kind == Manager::Pnpm && draft.tree.has("pnpm-workspace.yaml");
    match parts.chosen.prune(parts.package) {
        Some(argv) if !is_pnpm_workspace || !has_packages(draft.tree) => {
            let mut pruned = stage("only what runs is kept", &argv);
            pruned.steps.extend(without_times(parts.chosen.kind));
            draft.stage(pruned);
        }
        _ => draft.warn(format!(
            "{} {} cannot take away what only development needs here: it stays in the build",
            parts.chosen.program(),
            parts.chosen.version
        )),
    }
}

/// pnpm-workspace.yaml is a file of settings too.
fn has_packages(tree: &Tree) -> bool {
    let text = tree.text("pnpm-workspace.yaml").unwrap_or_default();
    text.lines().any(|line| line.starts_with("packages:"))
}

/// Times that package managers write down, and that nothing reads in a finished build.
fn without_times(kind: Manager) -> Vec<Step> {
    match kind {
        Manager::Pnpm => vec![Step::shell(
            "rm -f node_modules/.pnpm-workspace-state*.json; if [ -e node_modules/.modules.yaml ]; then sed -i -E 's/^( *\"?prunedAt\"?: ).*(GMT|Z)[\"'\"'\"']?(,?)$/\\1\"Thu, 01 Jan 1970 00:00:00 GMT\"\\3/' node_modules/.modules.yaml; fi",
        )],
        Manager::Npm | Manager::Classic | Manager::Berry => Vec::new(),
    }
}

/// Caches of bundlers and compilers are no part of a build.
fn without_caches() -> Step {
    Step::shell("rm -rf node_modules/.cache .parcel-cache .turbo .next/cache")
}

fn stage(name: &str, argv: &[&str]) -> Stage {
    Stage { name: name.to_string(), steps: vec![step(argv)], layer: None }
}

fn step(argv: &[&str]) -> Step {
    let mut step = Step::new([]);
    step.argv = argv.iter().map(|word| word.to_string()).collect();
    step
}

/// Without `CI`: builders take warnings for errors when they see it.
fn script(title: &str, parts: &Parts<'_>, name: &str) -> Stage {
    let program = parts.chosen.program();
    let steps = vec![step(&["env", "-u", "CI", program, "run", name])];
    Stage { name: format!("{title}: {program} run {name}"), steps, layer: None }
}

/// `None` where more than the lock decides what an install leaves.
fn layer(draft: &Draft<'_>, parts: &Parts<'_>, lock: &Lock<'_>, steps: &[Step]) -> Option<Layer> {
    let (package, tree) = (parts.package, draft.tree);
    let reads_the_app = READ_THE_APP.iter().any(|name| lock.text.contains(name));
    let more = parts.chosen.kind == Manager::Berry
        || package.has_lifecycle()
        || package.has_workspaces()
        || package.has_local()
        || package.script("heroku-prebuild").is_some()
        || tree.has(FOLDER)
        || tree.has("binding.gyp")
        || has_packages(tree)
        || tree.has(".pnpmfile.cjs")
        || lock.text.contains("patchedDependencies")
        || reads_the_app;
    if more {
        return None;
    }
    let settings: BTreeMap<&str, &str> =
        SETTINGS.iter().filter_map(|name| Some((*name, tree.text(name)?))).collect();
    let key = digest_of(&(
        "node_modules",
        lock.text,
        package.decisive(),
        &settings,
        &draft.plan.tools,
        &draft.plan.stack,
        &draft.plan.env,
        steps,
        &draft.plan.stages,
    ));
    let mut inputs = vec![lock.file.to_string(), "package.json".to_string()];
    inputs.extend(settings.keys().map(|name| name.to_string()));
    Some(Layer { path: FOLDER.to_string(), key, shared: false, inputs })
}

/// How xii starts an app that does not say: as `npm start` would.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    Script,
    ServerJs,
}

pub fn start(tree: &Tree, package: &Package) -> Option<Start> {
    match package.script("start") {
        Some(_) => Some(Start::Script),
        None => tree.has("server.js").then_some(Start::ServerJs),
    }
}

impl Start {
    pub fn command(self, chosen: &Chosen) -> String {
        match self {
            Start::Script => format!("{} start", chosen.program()),
            Start::ServerJs => "node server.js".to_string(),
        }
    }
}
