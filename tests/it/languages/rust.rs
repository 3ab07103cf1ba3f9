//! A Rust app: a crate of the registry, a program, an asset.

use crate::stage::skip_without_root;
use crate::workshop::{World, cannot_be_tried, path};
use xii::build::{Build, Confined, Event, ToolName, Toolchains, app_folder};

const MANIFEST: &str = "[package]\nname = \"hello\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[[bin]]\nname = \"hello\"\npath = \"main.rs\"\n\n[dependencies]\nitoa = \"=1.0.15\"\n";
const LOCK: &str = "version = 3\n\n[[package]]\nname = \"hello\"\nversion = \"0.1.0\"\ndependencies = [\"itoa\"]\n\n[[package]]\nname = \"itoa\"\nversion = \"1.0.15\"\nsource = \"registry+https://github.com/rust-lang/crates.io-index\"\nchecksum = \"4a5f13b858c8d314ee3e8f639011f7ccefe71f97f96e50151fb991f267928e2c\"\n";
const MAIN: &str = "fn main() { println!(\"one {}\", itoa::Buffer::new().format(7)); }\n";

fn files(main: &'static str) -> [(&'static str, &'static str); 4] {
    [("Cargo.toml", MANIFEST), ("Cargo.lock", LOCK), ("main.rs", main), ("greeting.txt", "hi\n")]
}

fn said(world: &World, built: &Build) -> String {
    let web = built.description.commands.values().next().unwrap().clone();
    let mut command = Confined::new(vec!["sh".into(), "-c".into(), web]);
    command.mounts = built.description.mounts(&world.home, &built.digest);
    command.cwd = "/app".into();
    let mut said = Vec::new();
    let exit = world.run(&command, &mut |line| said.push(line.to_string())).unwrap();
    assert_eq!(exit, 0, "{said:?}");
    said.join("\n")
}

fn compiled(events: &[Event], name: &str) -> bool {
    let compiles = |event: &Event| match event {
        Event::Output { line } => line.contains(&format!("Compiling {name} ")),
        _ => false,
    };
    events.iter().any(compiles)
}

#[test]
fn a_rust_app_is_one_digest_from_cold_caches_and_only_what_changed_is_compiled_again() {
    let test = "a_rust_app_is_one_digest_from_cold_caches_and_only_what_changed_is_compiled_again";
    if skip_without_root(test) {
        return;
    }
    if Toolchains::find(&path()).of(ToolName::Rust).next().is_none() {
        return eprintln!("SKIP {test}: no Rust on the PATH");
    }
    let mut world = World::new();
    let (built, events) = world.build(&files(MAIN), None, &path());
    let built = match built {
        Err(failure) if cannot_be_tried(&failure) => return eprintln!("SKIP {test}: {failure}"),
        built => built.unwrap_or_else(|failure| panic!("{failure}: {events:?}")),
    };
    assert!(compiled(&events, "itoa") && compiled(&events, "hello"));
    assert_eq!(said(&world, &built), "one 7");
    let app = app_folder(&world.home, &built.digest);
    assert!(app.join("greeting.txt").exists() && !app.join("main.rs").exists());
    assert!(built.description.toolchains.is_empty(), "it runs without the compiler");

    let changed = "fn main() { println!(\"two {}\", itoa::Buffer::new().format(7)); }\n";
    let (again, events) = world.build(&files(changed), None, &path());
    let again = again.unwrap();
    assert!(!compiled(&events, "itoa") && compiled(&events, "hello"), "{events:?}");
    assert_eq!(said(&world, &again), "two 7");
    let (back, _) = world.build(&files(MAIN), None, &path());
    assert_eq!(back.unwrap().digest, built.digest, "with a warm cache");

    world.app = "other".parse().unwrap();
    let (cold, events) = world.build(&files(MAIN), None, &path());
    assert_eq!(cold.unwrap().digest, built.digest, "with a cold cache of another app");
    assert!(compiled(&events, "itoa"));
    let stale = MANIFEST.replace("=1.0.15", "=1.0.14");
    let stale = [("Cargo.toml", stale.as_str()), ("Cargo.lock", LOCK), ("main.rs", MAIN)];
    let failure = world.build(&stale, None, &path()).0.unwrap_err();
    assert_eq!(failure.exit_code(), 3, "{failure}");
    assert!(failure.next.as_ref().is_some_and(|next| next.contains("Cargo.lock")), "{failure:?}");
    world.nothing_is_left();
}
