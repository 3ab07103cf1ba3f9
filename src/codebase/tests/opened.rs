use super::*;
use std::io::Write as _;
use std::process::Stdio;

#[test]
fn facts_say_who_what_and_when() {
    let repo = Repo::with(&[("Procfile", "web: x")]);
    repo.put("app.py", "print()");
    repo.commit("Show the page\n\nBecause.");
    let facts = repo.open(head()).unwrap().facts().clone();
    assert_eq!(facts.commit, repo.git(["rev-parse", "HEAD"]));
    assert_eq!(facts.tree, repo.git(["rev-parse", "HEAD^{tree}"]));
    assert_eq!(facts.roots, [repo.git(["rev-parse", "HEAD~1"])]);
    assert_eq!(facts.branch.as_deref(), Some("main"));
    assert_eq!(facts.author, "Ada <ada@example.org>");
    assert_eq!(facts.subject, "Show the page");
    let seconds = repo.git(["show", "-s", "--format=%ct"]);
    assert_eq!(facts.commit_time.as_second().to_string(), seconds);
    assert!(!facts.dirty && !facts.shallow);

    let text = serde_json::to_string(&facts).unwrap();
    assert_eq!(serde_json::from_str::<Facts>(&text).unwrap(), facts);
}

#[test]
fn a_revision_is_taken_whole_and_from_any_folder() {
    let repo = Repo::with(&[("a", "old")]);
    repo.git(["tag", "-a", "v1", "-m", "First"]);
    repo.git(["branch", "before"]);
    repo.put("deep/b", "new");
    repo.commit("Second");
    let first = repo.open(revision("v1")).unwrap();
    assert_eq!(first.facts().branch, None);
    assert_eq!(names(&arrived(&first)), ["a"]);
    assert_eq!(repo.open(revision("before")).unwrap().facts().branch.as_deref(), Some("before"));
    repo.git(["checkout", "-q", "--detach"]);
    let from_below = Checkout::open(&repo.path().join("deep"), head()).unwrap();
    assert_eq!(from_below.facts().branch, None);
    assert_eq!(names(&arrived(&from_below)), ["a", "deep/b"]);
}

#[test]
fn a_shallow_clone_is_taken_and_says_that_its_roots_are_unknown() {
    let repo = Repo::with(&[("a", "1")]);
    repo.put("a", "2");
    repo.commit("Second");
    let dir = TempDir::new().unwrap();
    let url = format!("file://{}", repo.path().display());
    git(dir.path(), ["clone", "-q", "--depth=1", &url, "c"]);
    let facts = Checkout::open(&dir.path().join("c"), head()).unwrap().facts().clone();
    assert!(facts.shallow && facts.roots.is_empty());
    let whole = repo.open(head()).unwrap();
    assert_eq!(same(&Bound::to(whole.facts()), &facts), Same::UnknownRoots);
}

#[test]
fn two_histories_joined_have_two_roots_and_stay_the_same_codebase() {
    let repo = Repo::with(&[("a", "1")]);
    let before = Bound::to(repo.open(head()).unwrap().facts());
    let other = Repo::with(&[("b", "1")]);
    repo.git(["fetch", "-q", &other.path().display().to_string(), "main"]);
    repo.git(["merge", "-q", "--allow-unrelated-histories", "-m", "Join", "FETCH_HEAD"]);
    let facts = repo.open(head()).unwrap().facts().clone();
    assert_eq!(facts.roots.len(), 2);
    assert!(facts.roots.is_sorted());
    assert_eq!(same(&before, &facts), Same::Yes);
}

#[test]
fn a_bare_repository_and_a_second_worktree_are_sources_too() {
    let repo = Repo::with(&[("a", "1")]);
    let dir = TempDir::new().unwrap();
    git(dir.path(), ["clone", "-q", "--bare", &repo.path().display().to_string(), "b.git"]);
    let bare = Checkout::open(&dir.path().join("b.git"), head()).unwrap();
    assert_eq!(names(&arrived(&bare)), ["a"]);
    let second = dir.path().join("second");
    repo.git(["worktree", "add", "-q", &second.display().to_string(), "-b", "other"]);
    let second = Checkout::open(&second, head()).unwrap();
    assert_eq!(second.facts().branch.as_deref(), Some("other"));
}

#[test]
fn nothing_that_the_repository_configures_is_run() {
    let repo = Repo::with(&[("a", "text\n")]);
    let ran = repo.path().join(".git/ran");
    let run = format!("touch {}; cat", ran.display());
    for name in ["filter.odd.clean", "filter.odd.smudge", "filter.odd.process", "core.fsmonitor"] {
        repo.git(["config", name, &run]);
    }
    repo.git(["config", "filter.odd.required", "true"]);
    std::fs::write(repo.path().join(".git/info/attributes"), "* filter=odd diff=odd\n").unwrap();
    repo.git(["config", "diff.odd.textconv", &run]);
    repo.git(["config", "diff.external", &run]);
    let hook = repo.path().join(".git/hooks/post-index-change");
    std::fs::write(&hook, format!("#!/bin/sh\n{run}\n")).unwrap();
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap();
    // Same content, another time: git has to read it to know.
    std::fs::write(repo.path().join("a"), "text\n").unwrap();
    for options in [head(), dirty()] {
        assert_eq!(arrived(&repo.open(options).unwrap())["a"], "644 text\n");
    }
    assert!(!ran.exists());
}

/// Reads the repository that its input names. Nothing to do when run by itself.
#[test]
#[ignore = "run by the test below, with another environment"]
fn child() {
    let mut input = String::new();
    std::io::stdin().read_line(&mut input).unwrap();
    if !input.is_empty() {
        let checkout = Checkout::open(Path::new(input.trim_end()), head()).unwrap();
        println!("\nopened {}", checkout.facts().commit);
    }
}

#[test]
fn gits_own_variables_do_not_change_what_is_read() {
    let repo = Repo::with(&[("a", "1")]);
    let other = Repo::with(&[("b", "1")]);
    #[allow(clippy::disallowed_methods, reason = "another environment needs another process")]
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["codebase::tests::opened::child", "--exact", "--ignored", "--nocapture"])
        .env("GIT_DIR", other.path().join(".git"))
        .env("GIT_WORK_TREE", other.path())
        .env("GIT_INDEX_FILE", "/dev/null")
        .env("GIT_CONFIG_COUNT", "1")
        .env("GIT_CONFIG_KEY_0", "core.bare")
        .env("GIT_CONFIG_VALUE_0", "true")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    writeln!(child.stdin.take().unwrap(), "{}", repo.path().display()).unwrap();
    let output = String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap();
    let expected = format!("opened {}", repo.git(["rev-parse", "HEAD"]));
    assert!(output.lines().any(|line| line == expected), "{output}");
}
