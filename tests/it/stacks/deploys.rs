//! Deploys on a stack: what runs stays on the root it was released on until it is moved.

use super::made::{put_into, ready};
use crate::world::World;
use std::path::Path;
use xii::app::Digest;

const SITE: &[(&str, &str)] = &[
    ("index.html", "hello"),
    ("xii.toml", "[stack]\nname = \"debian-12\"\npackages = [\"less\"]\n"),
];

/// The stack of a world is an older one: the same files under another name, with a package
/// whose version the archive no longer has.
fn older(world: &World, newest: &Digest) -> Digest {
    let stacks = world.home().join("stacks");
    let old = Digest::of(b"older");
    std::fs::rename(stacks.join(newest.to_string()), stacks.join(old.to_string())).unwrap();
    let record = stacks.join("records").join(format!("{newest}.json"));
    rewrite(&record, |json| {
        json["digest"] = old.to_string().into();
        json["packages"]["less"]["version"] = "1-old".into();
    });
    std::fs::rename(&record, stacks.join("records").join(format!("{old}.json"))).unwrap();
    for wish in std::fs::read_dir(stacks.join("wishes")).unwrap().flatten() {
        if wish.path().extension().is_some_and(|extension| extension == "json") {
            rewrite(&wish.path(), |json| json["digest"] = old.to_string().into());
        }
    }
    old
}

/// As a file of its own: what is there may be a hard link to the shared one.
fn rewrite(path: &Path, change: impl Fn(&mut serde_json::Value)) {
    let mut json = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    change(&mut json);
    std::fs::remove_file(path).unwrap();
    std::fs::write(path, json.to_string()).unwrap();
}

#[test]
fn a_deploy_runs_on_its_stack_until_it_is_moved_to_a_newer_one() {
    let test = "a_deploy_runs_on_its_stack_until_it_is_moved_to_a_newer_one";
    let Some(root) = ready(test) else { return };
    let world = World::new();
    put_into(&world.home().join("stacks"));
    let old = older(&world, &root.digest);
    let app = world.checkout("site", SITE);
    let _ = app.xii(&["deploy"]).ok();
    assert_eq!(app.body("/"), "hello");
    assert_eq!(
        app.xii(&["run", "sh", "-c", "ls /usr/bin/less; ls /usr/bin/git || true"]).ok().out,
        "/usr/bin/less\n"
    );

    // A newer root is made, and nothing that runs changes.
    let pid = world.ps("site")[0]["pid"].clone();
    let said = world.xii(&["stacks", "upgrade"]).ok();
    let said = said.says(&["less 1-old → ", "site/production still runs on debian-12"]);
    assert!(said.err.contains("--rebase") || said.out.contains("--rebase"));
    assert_eq!((app.release(), &world.ps("site")[0]["pid"]), (1, &pid));
    let stacks = world.xii(&["stacks", "--json"]).ok().json();
    let listed = stacks["stacks"].as_array().unwrap();
    assert_eq!(listed.len(), 2, "{stacks}");
    let is = |digest: &Digest| listed.iter().find(|s| s["digest"] == digest.to_string()).unwrap();
    assert_eq!((&is(&old)["newest"], &is(&old)["releases"]), (&false.into(), &1.into()));
    assert!(listed.iter().any(|stack| stack["newest"] == true && stack["releases"] == 0));

    // Moved: the very same build on the new root, as a release that says so.
    let build = app.json(&["releases", "info", "v1"])["build"].clone();
    let _ = world.xii(&["stacks", "upgrade", "debian-12", "--rebase"]).ok().says(&["as v2"]);
    let release = app.json(&["releases", "info", "v2"]);
    assert_eq!((app.release(), &release["build"]), (2, &build));
    let reason = release["reason"].as_str().unwrap();
    assert!(reason.starts_with(&format!("stack debian-12 {} → ", old.short())), "{reason}");
    assert_eq!(app.body("/"), "hello");

    // Both are needed: the old one by the release that can be rolled back to.
    let _ = world.xii(&["stacks", "prune"]).ok().says(&["0 stacks"]);
    let _ = app.xii(&["rollback", "v1"]).ok();
    assert_eq!(app.body("/"), "hello");
    let _ = world.xii(&["stacks", "upgrade", "debian-15"]).refused(2, &["did you mean `debian-1"]);
    let _ = world.xii(&["stacks", "upgrade", "host"]).refused(2, &["apt-get upgrade"]);
    let _ = world.xii(&["stacks", "verify", "00"]).refused(2, &["no stack"]);
    world.leave();
}

#[test]
fn the_host_is_listed_with_its_fingerprint() {
    let world = World::new();
    let said = world.xii(&["stacks"]).ok().says(&["STACK", "host", "no release"]);
    assert_eq!(said.out.lines().count(), 2, "{}", said.out);
    world.leave();
}
