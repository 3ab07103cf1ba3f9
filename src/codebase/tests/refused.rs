use super::*;
use crate::app::Blame;

/// What a person reads: what, why, next.
fn refusal(result: Result<Checkout, Failure>) -> (String, String, String) {
    let failure = result.map(|checkout| checkout.facts().clone()).unwrap_err();
    assert_eq!(failure.blame, Blame::Usage, "{failure:?}");
    (failure.message, failure.causes.join(": "), failure.next.unwrap_or_default())
}

#[test]
fn a_folder_that_is_not_in_a_repository() {
    let dir = TempDir::new().unwrap();
    let (what, why, next) = refusal(Checkout::open(dir.path(), head()));
    assert_eq!(what, format!("{} is not in a git repository", dir.path().display()));
    assert_eq!(why, "a deploy is one commit of one repository");
    assert!(next.starts_with("git init"));
    let (what, ..) = refusal(Checkout::open(&dir.path().join("absent"), head()));
    assert!(what.ends_with("absent is not a folder"));
}

#[test]
fn a_machine_without_git() {
    let missing = super::super::git::not_started(std::io::ErrorKind::NotFound.into());
    assert_eq!(missing.blame, Blame::Usage);
    assert!(missing.message.contains("git is not installed"));
    assert!(missing.next.unwrap().contains("apt install git"));
}

#[test]
fn a_repository_without_a_commit() {
    let repo = Repo::empty();
    let (what, _, next) = refusal(repo.open(head()));
    assert_eq!(what, "the repository has no commit yet");
    assert!(next.contains("git commit"));
    assert_eq!(refusal(repo.open(revision("main"))).0, "the repository has no commit yet");
}

#[test]
fn a_commit_without_files() {
    let repo = Repo::empty();
    repo.commit("Nothing");
    let (what, why, _) = refusal(repo.open(head()));
    assert_eq!((&what[..], &why[..]), ("the commit has no files", "there is nothing to deploy"));
}

#[test]
fn a_revision_that_is_not_there() {
    let repo = Repo::with(&[("Procfile", "web: x")]);
    repo.git(["tag", "v1.2"]);
    let (what, _, next) = refusal(repo.open(revision("mian")));
    assert_eq!(what, "the repository has no revision \"mian\"");
    assert_eq!(next, "did you mean main?");
    assert_eq!(refusal(repo.open(revision("v1.3"))).2, "did you mean v1.2?");
    for odd in ["--all", "", "HEAD:Procfile", "a b", "@{nonsense}", "\n"] {
        assert!(refusal(repo.open(revision(odd))).0.contains("no revision"), "{odd:?}");
    }
}

#[test]
fn changes_that_are_not_committed() {
    let repo = Repo::with(&[("a", "1"), (".gitignore", "*.log\n")]);
    repo.put("debug.log", "ignored");
    assert!(repo.open(head()).is_ok());
    repo.put("a", "2");
    repo.put("new file", "3");
    let (what, why, next) = refusal(repo.open(head()));
    assert_eq!(what, "the working tree has changes that are not committed:\n  a\n  new file");
    assert!(why.contains("missing in it"));
    assert!(next.contains("--dirty"));
    for n in 0..20 {
        repo.put(&format!("more/{n:02}"), "x");
    }
    let (what, ..) = refusal(repo.open(head()));
    assert!(what.ends_with("  … and 12 more"), "{what}");
    assert_eq!(what.lines().count(), 12);
    assert!(repo.open(revision("HEAD")).is_ok(), "a named revision is what was committed");
}

#[test]
fn dirty_with_a_revision_or_without_a_working_tree() {
    let repo = Repo::with(&[("a", "1")]);
    let both = Options { revision: Some("main".into()), ..dirty() };
    assert!(refusal(repo.open(both)).0.contains("exclude each other"));
    let bare = TempDir::new().unwrap();
    git(bare.path(), ["clone", "-q", "--bare", &repo.path().display().to_string(), "b.git"]);
    let bare = bare.path().join("b.git");
    assert!(refusal(Checkout::open(&bare, dirty())).0.contains("has no working tree"));
    assert!(
        refusal(Checkout::open(&repo.path().join(".git"), head())).0.contains("no working tree")
    );
}

#[test]
fn a_folder_of_a_monorepo_that_is_not_there() {
    let repo = Repo::with(&[("apps/shop/Procfile", "web: x"), ("apps/blog/index.html", "x")]);
    let (what, _, next) = refusal(repo.open(subdir("apps/shpo")));
    assert_eq!(what, "the commit has no folder apps/shpo");
    assert_eq!(next, "did you mean apps/shop?");
    assert_eq!(
        refusal(repo.open(subdir("apps/shop/Procfile"))).0,
        "apps/shop/Procfile is not a folder"
    );
    for outside in ["..", "/etc", "apps/../.."] {
        assert!(refusal(repo.open(subdir(outside))).0.contains("not a folder of the repository"));
    }
}

#[test]
fn a_file_that_git_lfs_keeps_elsewhere() {
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n";
    let repo = Repo::with(&[("Procfile", "web: x"), ("assets/film.mp4", pointer)]);
    let (what, why, next) = refusal(repo.open(head()));
    assert_eq!(what, "Git LFS keeps the content of these files:\n  assets/film.mp4");
    assert!(why.contains("pointer") && next.contains("git lfs pull"));
    repo.put("assets/film.mp4", vec![7; 5000]);
    let checkout = repo.open(dirty()).unwrap();
    assert!(checkout.facts().dirty);
}

#[test]
fn a_submodule_that_is_not_checked_out() {
    let inner = Repo::with(&[("lib.py", "x = 1")]);
    let outer = Repo::with(&[("Procfile", "web: x")]);
    outer.git(["submodule", "add", "-q", &inner.path().display().to_string(), "vendor/lib"]);
    outer.commit("Use the library");
    let clone = TempDir::new().unwrap();
    git(clone.path(), ["clone", "-q", &outer.path().display().to_string(), "c"]);
    for options in [head(), dirty()] {
        let (what, why, next) = refusal(Checkout::open(&clone.path().join("c"), options));
        assert_eq!(what, "the content of the submodule vendor/lib is missing");
        assert_eq!(why, "it is not checked out");
        assert_eq!(next, "git submodule update --init --recursive");
    }
}

#[test]
fn a_link_that_leads_out_of_the_source() {
    let repo = Repo::with(&[("Procfile", "web: x")]);
    std::os::unix::fs::symlink("../../etc/passwd", repo.path().join("users")).unwrap();
    repo.commit("Link");
    let (what, ..) = refusal(repo.open(head()));
    assert_eq!(what, "the link users leads out of the source: ../../etc/passwd");
}

#[test]
fn an_untracked_repository_in_a_dirty_tree() {
    let repo = Repo::with(&[("Procfile", "web: x")]);
    repo.put("nested/a", "x");
    git(&repo.path().join("nested"), ["init", "-q"]);
    repo.git(["-C", "nested", "add", "a"]);
    repo.git(["-C", "nested", "commit", "-q", "-m", "Nested"]);
    assert!(refusal(repo.open(head())).0.contains("nested/"));
    assert!(
        refusal(repo.open(dirty())).0.contains("nested/ is a git repository but not a submodule")
    );
}

#[test]
fn a_repository_of_another_user() {
    let repo = Repo::with(&[("Procfile", "web: x")]);
    let mut owned = vec![repo.path().to_path_buf(), repo.path().join(".git")];
    if owned.drain(..).any(|path| std::os::unix::fs::chown(path, Some(54321), None).is_err()) {
        eprintln!("SKIP a_repository_of_another_user: only root can give a folder away");
        return;
    }
    match repo.open(head()) {
        Ok(_) => eprintln!("SKIP a_repository_of_another_user: git is told to read them all"),
        refused => {
            let (what, why, next) = refusal(refused);
            assert!(what.ends_with("it belongs to another user"), "{what}");
            assert!(why.contains("dubious ownership"));
            assert!(next.starts_with("git config --global --add safe.directory "));
        }
    }
}
