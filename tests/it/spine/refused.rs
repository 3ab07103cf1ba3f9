//! Bad input: refused with the place and the rule, before anything is made.

use crate::world::{Checkout, WEB, World};

#[test]
fn a_procfile_with_errors_is_shown_with_line_and_caret_and_makes_nothing() {
    let world = World::new();
    let app = world.checkout("shop", WEB);
    let long = format!("web: echo\nworker: {}\n", "x".repeat(1 << 20));
    for (procfile, words) in [
        ("web: exec a\nnot a line\n", &["Procfile:2", "^"][..]),
        ("web: exec a\nweb: exec b\n", &["Procfile:2", "web"]),
        ("web: exec a\n\nwor ker: x\n", &["Procfile:3", "^"]),
        (long.as_str(), &["Procfile:1", "bytes long", "at most"]),
        ("", &["Procfile"]),
    ] {
        app.commit(&[("Procfile", procfile)]);
        let said = app.xii(&["deploy"]).refused(2, words);
        assert!(said.err.len() < 4000, "an error is to be read: {} bytes", said.err.len());
        assert_eq!(world.xii(&["apps", "--json"]).ok().json(), serde_json::json!([]));
    }
    app.git(&["rm", "-q", "Procfile"]);
    app.commit(&[]);
    let _ = app.xii(&["deploy"]).refused(2, &["Procfile"]);
    accepts_what_editors_make(&app);
    world.leave();
}

/// A BOM, CRLF and tabs are how a file was written, not what it says.
fn accepts_what_editors_make(app: &Checkout<'_>) {
    app.commit(&[("Procfile", "\u{feff}# ours\r\n\r\nweb:\texec python3 -u web.py\r\n")]);
    let _ = app.xii(&["deploy"]).ok();
    assert_eq!(app.body("/"), "v1 web.1");
}

#[test]
fn names_are_checked_before_they_name_anything() {
    let world = World::new();
    let long = "x".repeat(300);
    for bad in ["..", "a..b", "../a", "/", "a/b/c", "a b", "ü", "", "-a", "A", &long] {
        for words in [&["create", bad][..], &["ps", "-a", bad], &["deploys", "-a", bad]] {
            if *words == ["create", "-a"] {
                continue;
            }
            let said = world.xii(words).refused(2, &[]);
            assert!(said.err.contains("error"), "{words:?}: {}", said.err);
        }
        let _ = world.xii(&["create", "shop", "-d", bad]).refused(2, &[]);
    }
    let _ = world.xii(&["create", "shop"]).ok();
    let _ = world.xii(&["create", "shop"]).refused(2, &["exists already"]);
    let _ =
        world.xii(&["ps", "-a", "shpo"]).refused(2, &["did you mean `shop`", "xii create shpo"]);
    let _ = world
        .xii(&["ps", "-a", "shop", "-d", "prodution"])
        .refused(2, &["did you mean `production`", "xii create shop -d prodution"]);
    assert_eq!(world.xii(&["apps", "--json"]).ok().json().as_array().unwrap().len(), 1);
    world.leave();
}

#[test]
fn config_names_and_values_that_cannot_be_are_refused() {
    let world = World::new();
    let app = world.checkout("shop", WEB);
    let _ = app.xii(&["create"]).ok();
    let set = |word: &str| app.xii(&["config", "set", "-a", "shop", word]);
    for word in ["1X=v", "=v", "A", "A B=v", "Ü=v", "PORT=1", "DYNO=x", "XII_APP=x"] {
        let _ = set(word).refused(2, &["error"]);
    }
    let import = |bytes: &[u8]| app.xii_fed(&["config", "import", "-a", "shop", "-"], bytes);
    let _ = import(b"A=x\0y\n").refused(2, &["error"]);
    let megabyte = format!("A={}\n", "v".repeat(1 << 20));
    let said = import(megabyte.as_bytes()).refused(2, &["A", "64"]);
    assert!(said.err.len() < 2000, "{}", said.err.len());
    assert_eq!(app.json(&["releases", "-a", "shop"]), serde_json::json!([]));
    world.leave();
}

#[test]
fn what_is_no_repository_or_another_codebase_is_refused() {
    let world = World::new();
    let app = world.deployed("shop");
    let other = world.checkout("other", WEB);
    let _ = other
        .xii(&["deploy", "-a", "shop"])
        .refused(2, &["not the codebase of `shop`", "apps destroy"]);
    assert_eq!(app.release(), 1);
    let _ = other.xii(&["ps"]).refused(2, &["not known", "-a APP"]);

    let empty = world.folder().join("empty");
    std::fs::create_dir_all(&empty).unwrap();
    let deploy = |folder| world.command(folder, &["deploy"]).output().unwrap();
    let _ = crate::world::Said::from(deploy(&empty)).refused(2, &["git init"]);
    let git = ["init", "-q"];
    assert!(
        std::process::Command::new("git").args(git).current_dir(&empty).status().unwrap().success()
    );
    let _ = crate::world::Said::from(deploy(&empty)).refused(2, &["no commit"]);
    world.leave();
}

#[test]
fn a_shallow_clone_is_no_first_deploy_but_a_later_one() {
    let world = World::new();
    let app = world.checkout("shop", WEB);
    app.commit(&[("note.txt", "2")]);
    let shallow = world.folder().join("shallow");
    let from = format!("file://{}", app.folder().display());
    app.git(&["clone", "-q", "--depth", "1", &from, shallow.to_str().unwrap()]);
    let xii = |words: &[&str]| -> crate::world::Said {
        world.command(&shallow, words).output().unwrap().into()
    };
    let _ = xii(&["deploy", "-a", "shop"]).refused(2, &["git fetch --unshallow"]);
    assert_eq!(world.xii(&["apps", "--json"]).ok().json(), serde_json::json!([]));
    let _ = app.xii(&["deploy"]).ok();
    let _ = xii(&["deploy", "-a", "shop"]).ok();
    assert_eq!(app.body("/"), "v2 web.1");
    world.leave();
}

#[test]
fn a_folder_of_a_monorepo_is_an_app_of_its_own() {
    let world = World::new();
    let inside: Vec<(String, &str)> =
        WEB.iter().map(|(path, text)| (format!("services/shop/{path}"), *text)).collect();
    let inside: Vec<(&str, &str)> =
        inside.iter().map(|(path, text)| (path.as_str(), *text)).collect();
    let app = world.checkout("mono", &inside);
    let _ = app.xii(&["deploy", "--subdir", "services/shop", "-a", "shop"]).ok();
    assert_eq!(world.get("shop.localhost", "/").body, "v1 web.1");
    let _ = app.xii(&["deploy", "--subdir", "services/none"]).refused(2, &["services/none"]);
    let _ = app.xii(&["deploy", "-a", "shop"]).refused(2, &["error"]);
    world.leave();
}
