use super::super::plan::{Plan, plan};
use super::super::tool::{Origin, Tool, ToolName};
use super::super::toolchain::Toolchains;
use super::*;
use crate::app::ManifestTexts;

const MANIFEST: &str = "[package]\nname = \"shop\"\nversion = \"0.1.0\"\n";
const LOCKED: &str = "version = 3\n\n[[package]]\nname = \"shop\"\nversion = \"0.1.0\"\n";

fn planned(files: &[(&str, &str)], procfile: Option<&str>, toml: &str) -> Result<Plan, Failure> {
    let names = files.iter().map(|(name, _)| name.split('/').next().unwrap().to_string());
    let texts = files.iter().map(|(name, text)| (name.to_string(), text.to_string()));
    let tree = Tree { names: names.collect(), texts: texts.collect(), ..Tree::default() };
    let texts = ManifestTexts {
        procfile: procfile.map(String::from),
        xii_toml: Some(toml.to_string()),
        ..ManifestTexts::default()
    };
    let origin = Origin::Server { prefix: "/srv/stable-x".into(), stamp: "1".into() };
    let rust = Tool { name: ToolName::Rust, version: "1.95.0".parse().unwrap(), origin };
    let available = Toolchains { tools: vec![rust], ..Toolchains::default() };
    let manifests = Manifests::parse(&texts).unwrap();
    plan(&tree, &manifests, &available).map_err(Failure::from)
}

fn app<'a>(manifest: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut files = vec![("Cargo.toml", manifest), ("Cargo.lock", LOCKED), ("src/main.rs", "")];
    files.extend(more);
    files
}

fn steps(plan: &Plan) -> Vec<String> {
    let steps = plan.stages.iter().flat_map(|stage| &stage.steps);
    steps.map(|step| step.argv.join(" ")).collect()
}

#[test]
fn an_app_is_fetched_built_and_only_its_programs_are_kept() {
    let plan = planned(&app(MANIFEST, &[]), None, "").unwrap();
    let names: Vec<_> = plan.stages.iter().map(|stage| stage.name.as_str()).collect();
    let expected = [
        "dependencies: Cargo.lock",
        "earlier programs",
        "cargo build --release --locked",
        "programs: target/release",
    ];
    assert_eq!(names, expected);
    assert!(steps(&plan).iter().any(|step| step.ends_with("--locked -p shop@0.1.0")));
    assert_eq!(plan.env["CARGO_HOME"], "/cache/cargo");
    assert_eq!(plan.commands[&ProcessType::web()], "./target/release/shop");
    assert!(plan.only_to_build.contains(&ToolName::Rust), "an app runs without its compiler");
    assert!(plan.env["PATH"].contains(":/opt/xii/rust-1.95.0/bin:"));
    assert!(!plan.env.contains_key("RUSTUP_TOOLCHAIN"));
}

#[test]
fn a_build_command_comes_before_cargo_or_in_its_place() {
    let names = |toml: &str| -> Vec<String> {
        let plan = planned(&app(MANIFEST, &[]), None, toml).unwrap();
        plan.stages[2..].iter().map(|stage| stage.name.clone()).collect()
    };
    assert_eq!(
        names("[build]\ncommand = \"make css\"\n"),
        ["build command: make css", "cargo build --release --locked", "programs: target/release"]
    );
    assert_eq!(
        names("[build]\ncommand = \"cargo build --release --locked --features s3\"\n"),
        ["build command: cargo build --release --locked --features s3", "programs: target/release"]
    );
}

#[test]
fn without_a_lock_nothing_is_built() {
    let failure = planned(&[("Cargo.toml", MANIFEST), ("src/main.rs", "")], None, "").unwrap_err();
    assert_eq!((failure.exit_code(), failure.message.as_str()), (3, "there is no Cargo.lock"));
    assert!(failure.next.unwrap().starts_with("cargo generate-lockfile"));
}

#[test]
fn of_several_programs_the_default_serves_or_the_user_chooses() {
    let more = [("src/bin/job.rs", "")];
    let failure = planned(&app(MANIFEST, &more), None, "").unwrap_err();
    assert!(failure.next.as_ref().unwrap().contains("web: ./target/release/job"), "{failure:?}");
    let default = format!("{MANIFEST}default-run = \"job\"\n");
    let plan = planned(&app(&default, &more), None, "").unwrap();
    assert_eq!(plan.commands[&ProcessType::web()], "./target/release/job");
    let plan = planned(&app(MANIFEST, &more), Some("web: ./target/release/shop"), "").unwrap();
    assert!(plan.commands.is_empty());
    let library = [("Cargo.toml", MANIFEST), ("Cargo.lock", LOCKED)];
    let failure = planned(&library, None, "").unwrap_err();
    assert_eq!(failure.message, "Cargo.toml makes no program");
}

#[test]
fn rocket_is_told_its_port() {
    let manifest = format!("{MANIFEST}[dependencies]\nrocket = \"0.5\"\n");
    let plan = planned(&app(&manifest, &[]), None, "").unwrap();
    assert_eq!(plan.commands[&ProcessType::web()], "ROCKET_PORT=$PORT ./target/release/shop");
}

#[test]
fn what_cannot_work_is_said_before_anything_is_compiled() {
    let failure = planned(&app(MANIFEST, &[]), Some("web: cargo run --release"), "").unwrap_err();
    assert!(failure.next.unwrap().contains("web: ./target/release/NAME"));
    let other = [(".cargo/config.toml", "[build]\ntarget = \"wasm32-unknown-unknown\"\n")];
    let failure = planned(&app(MANIFEST, &other), None, "").unwrap_err();
    assert!(failure.message.contains("wasm32"), "{failure:?}");
    let fine = [(".cargo/config.toml", "[net]\ngit-fetch-with-cli = false\n")];
    planned(&app(MANIFEST, &fine), None, "").unwrap();
}
