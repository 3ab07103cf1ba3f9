//! Node.js apps built with the real npm, pnpm and Yarn, and their packages.

use crate::stage::skip_without_root;
use crate::workshop::{World, cannot_be_tried};
use xii::app::Failure;
use xii::build::{Build, Confined, Event, Tool, ToolName, Toolchains, Wish, app_folder};

const PACKAGE: &str = include_str!("package.json");
const NPM: &str = include_str!("package-lock.json");
const PNPM: &str = include_str!("pnpm-lock.yaml");
const YARN: &str = include_str!("yarn-1.lock");
const BERRY: &str = include_str!("yarn-4.lock");
const SERVER: &str = "console.log(require('is-number')(7), process.env.NODE_ENV, require('fs').readFileSync('/app/built.txt', 'utf8').trim())\n";

/// package.json with more in it.
fn package(more: &str) -> String {
    PACKAGE.replacen('{', &format!("{{{more},"), 1)
}

/// `None`: this machine cannot try it, and that was said.
fn built(
    test: &str,
    world: &World,
    files: &[(&str, &str)],
) -> Option<(Result<Build, Failure>, Vec<Event>)> {
    let (built, events) = world.build(files, None, "");
    match &built {
        Err(failure) if cannot_be_tried(failure) => {
            eprintln!("SKIP {test}: {failure}");
            None
        }
        _ => Some((built, events)),
    }
}

/// What a built app says when it runs, read-only as it will be.
fn says(world: &World, build: &Build, command: &str) -> String {
    let script = command.to_string();
    let mut command = Confined::new(vec!["sh".into(), "-c".into(), script]);
    command.mounts = build.description.mounts(&world.home, &build.digest);
    command.env.extend(build.description.env.clone());
    command.env.insert("PATH".into(), build.description.path());
    command.env.insert("HOME".into(), "/app".into());
    command.cwd = "/app".into();
    let mut said = Vec::new();
    let exit = world.run(&command, &mut |line| said.push(line.to_string())).unwrap();
    assert_eq!(exit, 0, "{said:?}");
    said.join("\n")
}

/// Two builds of the same files, each with cold caches, and what the first one says.
fn twice(test: &str, files: &[(&str, &str)], start: &str) {
    if skip_without_root(test) {
        return;
    }
    let worlds = [World::new(), World::new()];
    let mut digests = Vec::new();
    for world in &worlds {
        let Some((built, events)) = built(test, world, files) else { return };
        let built = built.unwrap_or_else(|failure| panic!("{failure}: {events:?}"));
        assert_eq!(built.description.commands[&"web".parse().unwrap()], start);
        let modules = app_folder(&world.home, &built.digest).join("node_modules");
        assert!(!modules.join("semver").exists(), "what only development needs is gone");
        digests.push(built);
        world.nothing_is_left();
    }
    assert_eq!(digests[0].digest, digests[1].digest, "{test}");
    let said = says(&worlds[0], &digests[0], start);
    assert!(said.contains("true production 1.2.3"), "{said}");
    if start != "npm start" {
        return;
    }
    let Some((again, events)) = built(test, &worlds[0], files) else { return };
    assert_eq!(again.unwrap().digest, digests[0].digest, "with warm caches: {events:?}");
}

#[test]
fn npm_builds_the_same_bytes_twice() {
    let files = [("package.json", PACKAGE), ("package-lock.json", NPM), ("server.js", SERVER)];
    twice("npm_builds_the_same_bytes_twice", &files, "npm start");
}

#[test]
fn pnpm_builds_the_same_bytes_twice() {
    let package = package(r#""packageManager": "pnpm@10.34.8""#);
    let files =
        [("package.json", package.as_str()), ("pnpm-lock.yaml", PNPM), ("server.js", SERVER)];
    twice("pnpm_builds_the_same_bytes_twice", &files, "pnpm start");
}

#[test]
fn yarn_builds_the_same_bytes_twice() {
    let files = [("package.json", PACKAGE), ("yarn.lock", YARN), ("server.js", SERVER)];
    twice("yarn_builds_the_same_bytes_twice", &files, "yarn start");
}

#[test]
fn the_later_yarn_builds_the_same_bytes_twice() {
    let package = package(r#""packageManager": "yarn@4.9.1""#);
    let files = [("package.json", package.as_str()), ("yarn.lock", BERRY), ("server.js", SERVER)];
    twice("the_later_yarn_builds_the_same_bytes_twice", &files, "yarn start");
}

#[test]
fn a_node_that_is_not_here_is_fetched_and_one_that_is_nowhere_is_named() {
    let test = "a_node_that_is_not_here_is_fetched_and_one_that_is_nowhere_is_named";
    if skip_without_root(test) {
        return;
    }
    let world = World::new();
    let with = |version: &str| format!(r#"{{"engines": {{"node": "{version}"}}}}"#);
    if let Err(failure) = fetch_without_npm(&world, "22.14.0") {
        assert!(cannot_be_tried(&failure), "{failure}");
        return eprintln!("SKIP {test}: {failure}");
    }
    let app = "console.log(process.version)\n";
    let package = with("22.14.0");
    let files = [("package.json", package.as_str()), ("server.js", app)];
    let Some((fetched, events)) = built(test, &world, &files) else { return };
    let fetched = fetched.unwrap_or_else(|failure| panic!("{failure}: {events:?}"));
    assert_eq!(says(&world, &fetched, "node server.js && npm --version"), "v22.14.0\n10.9.4");
    let package = with("22.999.0");
    let files = [("package.json", package.as_str()), ("server.js", app)];
    let Some((refused, _)) = built(test, &world, &files) else { return };
    let failure = refused.unwrap_err();
    assert_eq!(failure.exit_code(), 3, "{failure}");
    assert!(failure.next.as_ref().unwrap().contains("`\"node\": \"22."), "{failure:?}");
    world.nothing_is_left();
}

/// As on a server without any Node.js: the first npm comes from a Python wheel.
fn fetch_without_npm(world: &World, version: &str) -> Result<Tool, Failure> {
    let mut exec = |command: &Confined, line: &mut dyn FnMut(&str)| world.run(command, line);
    let mut available = Toolchains::find("").probe(&mut exec)?;
    available.tools.retain(|tool| tool.name != ToolName::Node);
    let (name, version) = (ToolName::Node, version.to_string());
    let wish = Wish { name, version, declared_by: None, with: None, on: None };
    world.fetch_with(&wish, &available)
}

#[test]
fn a_lock_that_does_not_fit_and_a_package_that_does_not_exist_are_the_apps_fault() {
    let test = "a_lock_that_does_not_fit_and_a_package_that_does_not_exist_are_the_apps_fault";
    if skip_without_root(test) {
        return;
    }
    let world = World::new();
    let newer = PACKAGE.replace("7.0.0", "6.0.0");
    let wrong = NPM.replace("sha512-41C", "sha512-42C");
    for (package, lock, words) in [
        (newer.as_str(), NPM, "out of date"),
        (PACKAGE, wrong.as_str(), "not the one that was locked"),
    ] {
        let files = [("package.json", package), ("package-lock.json", lock)];
        let files = [files[0], files[1], ("server.js", SERVER)];
        let Some((refused, _)) = built(test, &world, &files) else { return };
        let failure = refused.unwrap_err();
        assert_eq!(failure.exit_code(), 3, "{failure}");
        let next = failure.next.clone().unwrap_or_default();
        assert!(next.contains(words), "{words}: {failure:?}");
    }
    world.nothing_is_left();
}
