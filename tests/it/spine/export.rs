//! `xii build export`: a release as an image, the same each time.

use crate::world::{Checkout, World};
use std::path::Path;
use xii::app::Digest;
use xii::config::Key;
use xii::release::{self, NewRelease, Stack};
use xii::store::{Home, Ledger};

#[test]
fn a_release_on_the_hosts_own_stack_is_no_image_and_says_what_to_write() {
    let world = World::new();
    let app = world.deployed("shop");
    let words = ["v1 was built on the stack `host`", "stack = \"debian-12\""];
    let _ = app.xii(&["build", "export", "-o", "image"]).refused(2, &words);
    let _ = app.xii(&["build", "export", "v7", "-o", "image"]).refused(2, &["no release v7"]);
    assert!(!app.folder().join("image").exists());
    let _ = app.xii(&["build", "export", "-o", "web.py"]).refused(2, &["not a folder"]);
    world.leave();
}

#[test]
fn an_exported_release_is_the_same_image_each_time_and_has_no_config() {
    let world = World::new();
    let app = world.deployed("shop");
    let _ = app.xii(&["config", "set", "TOKEN=secret-of-shop"]).ok();
    let _ = world.xii(&["down"]).ok();
    // As if it had been deployed onto a root file system of its own, twice.
    let stack = Digest::of(b"a root file system");
    let root = world.home().join("stacks").join(stack.to_string());
    std::fs::create_dir_all(root.join("usr/bin")).unwrap();
    std::fs::write(root.join("usr/bin/sh"), "a shell").unwrap();
    std::os::unix::fs::symlink("usr/bin", root.join("bin")).unwrap();
    (0..2).for_each(|_| move_onto(&world, &stack));
    world.up();

    let folder = export(&app, "v3", "image");
    let again = export(&app, "v4", "again.tar");
    assert_eq!(folder, again, "one build is one image, whichever release it is in");
    let image = app.folder().join("image");
    let mut names: Vec<_> =
        image.read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["blobs", "index.json", "oci-layout"]);
    let index = json(&image.join("index.json"));
    let manifest = &index["manifests"][0];
    assert_eq!(manifest["digest"], folder.as_str());
    assert_eq!(manifest["annotations"]["org.opencontainers.image.ref.name"], "v3");
    let manifest = json(&blob(&image, &manifest["digest"]));
    assert_eq!(manifest["layers"].as_array().unwrap().len(), 2, "the stack and the app");
    let config_file = blob(&image, &manifest["config"]["digest"]);
    assert!(!std::fs::read_to_string(&config_file).unwrap().contains("secret-of-shop"));
    let config = json(&config_file)["config"].clone();
    let command = serde_json::json!(["sh", "-c", "exec python3 -u web.py"]);
    assert_eq!((&config["Cmd"], &config["WorkingDir"]), (&command, &"/app".into()));
    assert!(config["Env"].as_array().unwrap().contains(&"HOME=/app".into()), "{config}");
    let _ = app.xii(&["build", "export", "v3", "-o", "image"]).refused(2, &["not empty"]);
    let tmp = world.home().join("tmp");
    let is_empty = || (tmp.read_dir().unwrap().count() == 0).then_some(());
    world.until("the server keeps nothing of it", is_empty);
    world.leave();
}

/// The current release once more, on this stack.
fn move_onto(world: &World, stack: &Digest) {
    let home = Home::open(&world.home(), world.run_dir().parent().unwrap()).unwrap();
    let ledger = Ledger::open(&home.ledger()).unwrap();
    let key = Key::load_or_create(&home.key(), &ledger).unwrap();
    let deploy = "shop/production".parse().unwrap();
    let old = release::current(&ledger, &key, &deploy).unwrap().unwrap();
    let config = old.open_config(&key).unwrap();
    let new = NewRelease {
        deploy,
        build: old.build,
        stack: Stack { name: "debian-12".to_string(), fingerprint: stack.to_string() },
        config,
        commands: old.commands,
        manifests: old.manifests,
        commit: old.commit,
        attachments: old.attachments,
        reason: old.reason,
        by: old.created_by,
        at: old.created_at,
    };
    release::cut(&ledger, &key, &new).unwrap();
}

/// Gives the image's digest.
fn export(app: &Checkout<'_>, release: &str, output: &str) -> String {
    let said = app.xii(&["build", "export", release, "-o", output, "--json"]).ok().json();
    assert_eq!(said["release"], release);
    assert!(app.folder().join(output).exists());
    said["digest"].as_str().unwrap().to_string()
}

fn json(path: &Path) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn blob(image: &Path, digest: &serde_json::Value) -> std::path::PathBuf {
    image.join("blobs").join(digest.as_str().unwrap().replace(':', "/"))
}
