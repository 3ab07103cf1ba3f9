//! Rust: what Cargo.lock names is fetched, `cargo build --release --locked` builds it, and of
//! the result the programs and the tree's other files stay: no sources, nothing half-made.
//!
//! Cargo works in the app's cache, so that the next build compiles again only what changed.
//! It tells a changed file by its time, which says nothing about a tree that is unpacked for
//! each build; what the tree itself holds is therefore built again each time.

mod lock;
mod manifest;
pub mod sources;
mod version;

use super::below::Below;
use super::draft::{Draft, Stop};
use super::environment::APP;
use super::language::{Kind, Language};
use super::plan::{Stage, Step, digest_of};
use super::tree::Tree;
use crate::app::{Failure, Manifests, ProcessType};
use manifest::Package;

const LOCK: &str = "Cargo.lock";
/// In the app's cache, and so at one place for every build.
const CONSTANTS: [(&str, &str); 6] = [
    ("CARGO_HOME", "/cache/cargo"),
    ("CARGO_TARGET_DIR", "/cache/target"),
    ("CARGO_INCREMENTAL", "0"),
    ("CARGO_TERM_COLOR", "never"),
    ("CARGO_TERM_PROGRESS_WHEN", "never"),
    // A checkout's settings may name one that is not in the stack.
    ("RUSTC_WRAPPER", ""),
];
/// Where Procfiles expect programs.
const PROGRAMS: &str = "target/release";

pub struct Rust;

impl Language for Rust {
    fn recognises(&self, tree: &Tree, _: &Manifests) -> bool {
        tree.has("Cargo.toml")
    }

    fn check(&self, tree: &Tree) -> Result<(), Failure> {
        if tree.text(LOCK).is_none() { Err(no_lock(tree)) } else { Ok(()) }
    }

    fn plan(&self, draft: &mut Draft<'_>) -> Result<(), Stop> {
        let locked = draft.tree.text(LOCK).unwrap_or_default();
        let own = lock::own(locked);
        let packages = manifest::packages(draft.tree)?;
        let command = draft.manifests.settings.build.command.clone();
        check(draft.tree, &draft.manifests.commands)?;
        let rust = version::choose(draft)?;
        draft.use_to_build(&rust);
        for (name, value) in CONSTANTS {
            draft.plan.env.entry(name.to_string()).or_insert_with(|| value.to_string());
        }
        draft.stage(fetch());
        draft.stage(clean(&own, &draft.plan.stack));
        if draft.is_last(Kind::Rust) {
            draft.build_command();
        }
        if !command.as_deref().is_some_and(names_cargo_build) {
            draft.stage(build());
        }
        draft.stage(keep());
        if draft.manifests.commands.is_empty() && draft.is_last(Kind::Rust) {
            draft.plan.commands.insert(ProcessType::web(), web(&packages)?);
        }
        Ok(())
    }
}

/// All that is needed on this machine, and not what only another system would compile.
fn fetch() -> Stage {
    let script = "cargo fetch --locked --target \"$(rustc -vV | sed -n 's/^host: //p')\"";
    Stage { name: format!("dependencies: {LOCK}"), steps: vec![Step::shell(script)], layer: None }
}

/// Takes away what an earlier build made of the app's own packages, and everything that was
/// made on another stack: build scripts and macros are programs linked with its libraries.
fn clean(own: &[String], stack: &Below) -> Stage {
    let stack = digest_of(stack).short();
    let of_stack = Step::shell(&format!(
        "cd \"$CARGO_TARGET_DIR\" 2>/dev/null || exit 0\n\
         [ \"$(cat .stack 2>/dev/null)\" = {stack} ] || find . -mindepth 1 -delete"
    ));
    let mut clean = Step::new(["cargo", "clean", "--quiet", "--release", "--locked"]);
    for package in own {
        clean.argv.extend(["-p".to_string(), package.clone()]);
    }
    let programs = Step::shell(&format!(
        "mkdir -p \"$CARGO_TARGET_DIR/release\"\n\
         echo {stack} > \"$CARGO_TARGET_DIR/.stack\"\n\
         find \"$CARGO_TARGET_DIR/release\" -maxdepth 1 -type f -delete"
    ));
    let steps = vec![of_stack, clean, programs];
    Stage { name: "earlier programs".to_string(), steps, layer: None }
}

fn build() -> Stage {
    let step = Step::new(["cargo", "build", "--release", "--locked"]);
    Stage { name: step.argv.join(" "), steps: vec![step], layer: None }
}

/// The programs come into the app. Sources go, vendored crates too, and folders that are empty
/// without them.
fn keep() -> Stage {
    let script = format!(
        "mkdir -p {PROGRAMS}\n\
         find \"$CARGO_TARGET_DIR/release\" -maxdepth 1 -type f -perm -u+x ! -name '*.so' -exec cp {{}} {PROGRAMS}/ \\;\n\
         if [ -z \"$(ls {PROGRAMS})\" ]; then echo 'cargo made no program: a package needs src/main.rs or a [[bin]]'; exit 1; fi\n\
         find {APP} -name .cargo-checksum.json -printf '%h\\0' | xargs -0 -r rm -rf\n\
         find {APP} -name '*.rs' -type f -delete\n\
         find {APP} -mindepth 1 -type d -empty -delete"
    );
    let steps = vec![Step::shell(&script)];
    Stage { name: format!("programs: {PROGRAMS}"), steps, layer: None }
}

/// `[build] command` may say itself how cargo is called: with features, for one program.
fn names_cargo_build(command: &str) -> bool {
    command.contains("cargo build")
}

fn web(packages: &[Package]) -> Result<String, Failure> {
    let preferred: Vec<&String> =
        packages.iter().filter_map(|package| package.default_run.as_ref()).collect();
    let all: Vec<&String> = packages.iter().flat_map(|package| &package.programs).collect();
    let name = match (preferred.as_slice(), all.as_slice()) {
        ([only], _) | ([], [only]) => *only,
        (_, []) => {
            return Err(Failure::app("Cargo.toml makes no program")
                .why("there is neither src/main.rs nor a [[bin]] in what `cargo build` builds")
                .next("point `--subdir` at the package that does, or write a Procfile"));
        }
        _ => return Err(which(&all)),
    };
    let run = format!("./{PROGRAMS}/{name}");
    let is_rocket = |package: &Package| {
        package.programs.contains(name) && package.dependencies.contains("rocket")
    };
    match packages.iter().any(is_rocket) {
        true => Ok(format!("ROCKET_PORT=$PORT {run}")),
        false => Ok(run),
    }
}

fn which(programs: &[&String]) -> Failure {
    let lines = programs.iter().map(|name| format!("    web: ./{PROGRAMS}/{name}"));
    let names: Vec<&str> = programs.iter().map(|name| name.as_str()).collect();
    Failure::app("there is no Procfile, and Cargo.toml makes several programs")
        .why(format!("they are {}", names.join(", ")))
        .next(format!(
            "write the one that serves into a Procfile (or `default-run` into Cargo.toml):\n\n{}",
            lines.collect::<Vec<_>>().join("\n")
        ))
}

fn no_lock(tree: &Tree) -> Failure {
    let ignored = if tree.has(LOCK) { "it is no plain file" } else { "it is not in the commit" };
    Failure::app("there is no Cargo.lock")
        .why(format!("{ignored}, and without it tomorrow's build has other dependencies"))
        .next("cargo generate-lockfile && git add -f Cargo.lock && git commit")
}

/// What is known to fail, before half an hour of compiling.
fn check(
    tree: &Tree,
    commands: &std::collections::BTreeMap<ProcessType, String>,
) -> Result<(), Failure> {
    for (process_type, command) in commands {
        if command.split_whitespace().any(|word| word == "cargo") && command.contains("cargo run") {
            return Err(Failure::app(format!("the Procfile's {process_type} calls `cargo run`"))
                .why("cargo is there for the build alone")
                .next(format!("write `{process_type}: ./{PROGRAMS}/NAME`")));
        }
    }
    let settings = [".cargo/config.toml", ".cargo/config"];
    let found = settings.iter().find_map(|path| Some((*path, tree.text(path)?)));
    let Some((path, text)) = found else { return Ok(()) };
    let parsed = manifest::table(path, text)?;
    let target = parsed.get("build").and_then(|value| value.get("target"));
    match target {
        Some(target) => Err(Failure::app(format!("{path} builds for {target} by default"))
            .why("xii builds for the machine it runs on, and keeps target/release")
            .next(format!("take `target` out of [build] in {path}, and name it where it is wanted: `cargo build --target`"))),
        None => Ok(()),
    }
}

#[cfg(test)]
#[path = "plan_tests.rs"]
mod tests;
