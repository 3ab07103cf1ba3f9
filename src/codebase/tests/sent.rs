use super::*;
use std::os::unix::fs::symlink;

/// Names, modes and contents that have broken somebody's deploy before.
fn odd() -> Repo {
    let repo = Repo::empty();
    repo.put("Procfile", "web: x\n");
    repo.put("empty", "");
    repo.put("a b/c\nd\te", "newline");
    repo.put("-rf", "dash");
    repo.put("ünï/✓", "unicode");
    repo.put(&format!("{}/{}", "long".repeat(40), "x".repeat(200)), "long");
    repo.put(&"y".repeat(100), "exactly a header's room");
    repo.put("big", vec![b'z'; 5 << 20]);
    repo.put("crlf", "a\r\nb\r\n");
    repo.put("$Id$", "$Id$ $Format:%H$");
    repo.put(".gitattributes", "$Id$ ident export-subst\nempty export-ignore\ncrlf text eol=lf\n");
    let odd = std::ffi::OsString::from_vec(b"not-utf8-\xff\xfe".to_vec());
    std::fs::write(repo.path().join(&odd), "bytes").unwrap();
    let long_odd = std::ffi::OsString::from_vec(vec![0xff; 150]);
    std::fs::write(repo.path().join(&long_odd), "bytes").unwrap();
    repo.put("bin/run", "#!/bin/sh\n");
    let run = repo.path().join("bin/run");
    std::fs::set_permissions(run, std::fs::Permissions::from_mode(0o755)).unwrap();
    symlink("bin/run", repo.path().join("link")).unwrap();
    symlink("./bin//../bin/run", repo.path().join("odd link")).unwrap();
    symlink("long".repeat(40), repo.path().join("long link")).unwrap();
    symlink("nowhere", repo.path().join("dangling")).unwrap();
    repo
}

#[test]
fn what_arrives_is_the_committed_tree_byte_for_byte() {
    let repo = odd();
    // Before git normalises anything: the attributes come with a second commit.
    let attributes = std::fs::read(repo.path().join(".gitattributes")).unwrap();
    std::fs::remove_file(repo.path().join(".gitattributes")).unwrap();
    repo.commit("Odd files");
    let expected = tree(repo.path());
    repo.put(".gitattributes", attributes);
    repo.git(["add", ".gitattributes"]);
    repo.git(["commit", "-q", "-m", "Odd attributes"]);

    let mut arrived = arrived(&repo.open(revision("HEAD")).unwrap());
    assert!(arrived.remove(".gitattributes").is_some());
    assert_eq!(names(&arrived), names(&expected));
    for (name, value) in expected {
        assert!(arrived[&name] == value, "{name} differs");
    }
}

#[test]
fn the_stream_of_a_commit_is_the_same_from_every_clone() {
    let repo = odd();
    repo.commit("Odd files");
    let dir = TempDir::new().unwrap();
    git(dir.path(), ["clone", "-q", &repo.path().display().to_string(), "c"]);
    let clone = Checkout::open(&dir.path().join("c"), revision("HEAD")).unwrap();
    let original = repo.open(revision("HEAD")).unwrap();
    assert!(tar(&original) == tar(&clone));
}

#[test]
fn a_dirty_tree_is_sent_as_it_is_without_what_is_ignored() {
    let repo = Repo::with(&[
        (".gitignore", "*.log\n"),
        ("changed", "old"),
        ("deleted", "x"),
        ("folder/was", "x"),
        ("script", "x"),
    ]);
    repo.put("changed", "new");
    repo.put("untracked/é", "new");
    repo.put("debug.log", "ignored");
    std::fs::remove_file(repo.path().join("deleted")).unwrap();
    std::fs::remove_dir_all(repo.path().join("folder")).unwrap();
    symlink("/etc", repo.path().join("folder.log")).unwrap();
    let script = repo.path().join("script");
    std::fs::set_permissions(script, std::fs::Permissions::from_mode(0o755)).unwrap();
    let checkout = repo.open(dirty()).unwrap();
    let arrived = arrived(&checkout);
    assert_eq!(names(&arrived), [".gitignore", "changed", "script", r"untracked/\xc3\xa9"]);
    assert_eq!((&arrived["changed"][..], &arrived["script"][..]), ("644 new", "755 x"));
    let facts = checkout.facts();
    assert!(facts.dirty);
    assert_eq!(facts.dirty_files, ["changed", "deleted", "folder/was", "script", "untracked/é"]);
}

#[test]
fn a_folder_that_became_a_link_does_not_bring_in_what_it_points_to() {
    let outside = TempDir::new().unwrap();
    std::fs::write(outside.path().join("passwd"), "secret").unwrap();
    let repo = Repo::with(&[("Procfile", "web: x"), ("etc/passwd", "mine")]);
    std::fs::remove_dir_all(repo.path().join("etc")).unwrap();
    symlink(outside.path(), repo.path().join("etc")).unwrap();
    assert!(
        repo.open(dirty()).is_err_and(|failure| failure.message.contains("the link etc leads"))
    );
}

#[test]
fn a_dirty_flag_on_a_clean_tree_is_still_marked_and_the_same_stream() {
    let repo = Repo::with(&[("a", "1"), ("b/c", "2")]);
    let (as_is, committed) = (repo.open(dirty()).unwrap(), repo.open(head()).unwrap());
    assert!(as_is.facts().dirty && as_is.facts().dirty_files.is_empty());
    assert_eq!(tar(&as_is), tar(&committed));
}

#[test]
fn only_the_folder_of_a_monorepo_is_sent_and_only_its_changes_matter() {
    let repo = Repo::with(&[("apps/shop/Procfile", "web: x"), ("apps/blog/index.html", "x")]);
    repo.put("apps/blog/index.html", "edited");
    let checkout = repo.open(subdir("./apps/shop/")).unwrap();
    assert_eq!(checkout.facts().subdir.as_deref(), Some("apps/shop"));
    assert_eq!(checkout.facts().tree, repo.git(["rev-parse", "HEAD:apps/shop"]));
    assert_eq!(names(&arrived(&checkout)), ["Procfile"]);

    repo.put("apps/shop/new", "x");
    let as_is = repo.open(Options { dirty: true, ..subdir("apps/shop") }).unwrap();
    assert_eq!(names(&arrived(&as_is)), ["Procfile", "new"]);
}

#[test]
fn submodules_bring_their_recorded_commits() {
    let leaf = Repo::with(&[("leaf.py", "x = 1")]);
    let inner = Repo::with(&[("lib.py", "x = 1")]);
    inner.git(["submodule", "add", "-q", &leaf.path().display().to_string(), "leaf"]);
    inner.commit("Use the leaf");
    let outer = Repo::with(&[("Procfile", "web: x")]);
    outer.git(["submodule", "add", "-q", &inner.path().display().to_string(), "vendor/lib"]);
    outer.git(["submodule", "update", "-q", "--init", "--recursive"]);
    outer.commit("Use the library");
    let expected = [
        ".gitmodules",
        "Procfile",
        "vendor/lib/.gitmodules",
        "vendor/lib/leaf/leaf.py",
        "vendor/lib/lib.py",
    ];
    assert_eq!(names(&arrived(&outer.open(head()).unwrap())), expected);
    let vendored = outer.open(subdir("vendor")).unwrap();
    assert!(names(&arrived(&vendored)).contains(&"lib/leaf/leaf.py"));

    outer.put("vendor/lib/leaf/leaf.py", "x = 2");
    let failure = outer.open(head()).unwrap_err();
    assert!(failure.message.ends_with("\n  vendor/lib/leaf/leaf.py"), "{}", failure.message);
    let committed = arrived(&outer.open(revision("HEAD")).unwrap());
    assert_eq!(committed["vendor/lib/leaf/leaf.py"], "644 x = 1");
    let as_is = arrived(&outer.open(dirty()).unwrap());
    assert_eq!(names(&as_is), expected);
    assert_eq!(as_is["vendor/lib/leaf/leaf.py"], "644 x = 2");
}

#[test]
fn a_sparse_checkout_is_sent_whole() {
    let repo = Repo::with(&[("a/x", "1"), ("b/y", "2")]);
    repo.git(["sparse-checkout", "set", "a"]);
    assert!(!repo.path().join("b").exists());
    for options in [head(), dirty()] {
        assert_eq!(names(&arrived(&repo.open(options).unwrap())), ["a/x", "b/y"]);
    }
}

#[test]
fn a_receiver_that_goes_away_is_named_and_the_source_is_not() {
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let repo = Repo::with(&[("a", "1")]);
    let failure = repo.open(head()).unwrap().write_tar(&mut Full).unwrap_err();
    assert_eq!(failure.message, "the source could not be sent");
}
