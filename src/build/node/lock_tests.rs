use super::*;
use std::collections::BTreeMap;

fn tree(files: &[(&str, &str)]) -> Tree {
    let texts: BTreeMap<String, String> =
        files.iter().map(|(name, text)| (name.to_string(), text.to_string())).collect();
    Tree { names: texts.keys().cloned().collect(), texts, ..Tree::default() }
}

fn found(files: &[(&str, &str)]) -> Result<Option<Manager>, Failure> {
    let tree = tree(files);
    let package = Package::read(&tree)?;
    Ok(find(&tree, &package)?.map(|lock| lock.manager))
}

const EXPRESS: (&str, &str) = ("package.json", r#"{"dependencies": {"express": "^5"}}"#);

#[test]
fn the_lock_says_which_package_manager() {
    for (file, text, manager) in [
        ("package-lock.json", "{}", Manager::Npm),
        ("npm-shrinkwrap.json", "{}", Manager::Npm),
        ("pnpm-lock.yaml", "lockfileVersion: '9.0'", Manager::Pnpm),
        ("yarn.lock", "# yarn lockfile v1\n", Manager::Classic),
        ("yarn.lock", "__metadata:\n  version: 8\n", Manager::Berry),
    ] {
        assert_eq!(found(&[EXPRESS, (file, text)]).unwrap(), Some(manager), "{file}");
    }
}

#[test]
fn a_missing_lock_is_refused_with_the_command_that_makes_it() {
    let next = |package: &str| found(&[("package.json", package)]).unwrap_err();
    let failure = next(EXPRESS.1);
    assert_eq!(failure.exit_code(), 3);
    assert_eq!(
        failure.next.as_deref(),
        Some("npm install --package-lock-only && git add package-lock.json")
    );
    let pnpm = r#"{"packageManager": "pnpm@9.1.0", "devDependencies": {"a": "1"}}"#;
    assert!(next(pnpm).next.unwrap().contains("pnpm-lock.yaml"));
    assert_eq!(found(&[("package.json", r#"{"name": "x"}"#)]).unwrap(), None);
}

#[test]
fn two_locks_are_refused_with_the_one_to_delete() {
    let both = [EXPRESS, ("package-lock.json", "{}"), ("yarn.lock", "")];
    let failure = found(&both).unwrap_err();
    assert_eq!(failure.exit_code(), 3);
    assert_eq!(failure.message, "there are two locks: package-lock.json and yarn.lock");
    assert!(failure.next.unwrap().contains("`git rm yarn.lock`"));
    let named = ("package.json", r#"{"packageManager": "yarn@1.22.22"}"#);
    let failure = found(&[named, both[1], both[2]]).unwrap_err();
    assert!(failure.next.unwrap().contains("`git rm package-lock.json`"));
    let npm = [EXPRESS, ("package-lock.json", "{}"), ("npm-shrinkwrap.json", "")];
    assert_eq!(found(&npm).unwrap(), Some(Manager::Npm));
}

#[test]
fn a_locks_version_names_the_tool_that_wrote_it() {
    for (text, pnpm) in [
        ("lockfileVersion: 5.3\n", "6.x"),
        ("lockfileVersion: 5.4\n", "7.x"),
        ("lockfileVersion: '6.0'\n", "8.x"),
        ("lockfileVersion: '6.1'\n", "8.x"),
        ("lockfileVersion: '9.0'\n", "10.x"),
        ("", "10.x"),
    ] {
        assert_eq!(pnpm_of(text), pnpm, "{text}");
    }
    for (version, yarn) in [("4", "2.x"), ("6", "3.x"), ("8", "4.x"), ("9", "4.x")] {
        let text = format!("# x\n\n__metadata:\n  version: {version}\n  cacheKey: 10\n");
        assert_eq!(yarn_of(&text), yarn, "{version}");
    }
}

#[test]
fn what_a_lock_cannot_hold_is_named() {
    let commit = "0123456789012345678901234567890123456789";
    let npm = format!(
        r#"{{"packages": {{
            "node_modules/good": {{"resolved": "https://x/good.tgz", "integrity": "sha512-a"}},
            "node_modules/odd": {{"resolved": "https://x/odd.tgz"}},
            "node_modules/a/node_modules/@s/deep": {{"resolved": "https://x/deep.tgz"}},
            "node_modules/fixed": {{"resolved": "git+ssh://git@x/a.git#{commit}"}},
            "node_modules/linked": {{"resolved": "lib", "link": true}}
        }}}}"#
    );
    let lock = |manager, text| Lock { manager, file: "", text };
    assert_eq!(unpinned(&lock(Manager::Npm, &npm)), ["@s/deep", "odd"]);
    let yarn = format!(
        "# yarn lockfile v1\n\n\n\"@s/odd@https://x/odd.tgz\":\n  version \"1\"\n  resolved \"https://x/odd.tgz\"\n\ngood@^1:\n  resolved \"https://x/g.tgz#aa\"\n  integrity sha512-a\n\nfixed@git:\n  resolved \"git+https://x/a.git#{commit}\"\n"
    );
    assert_eq!(unpinned(&lock(Manager::Classic, &yarn)), ["@s/odd"]);
    let pnpm = format!(
        "packages:\n  a@1:\n    resolution: {{integrity: sha512-a}}\n  b:\n    resolution: {{tarball: https://x/b.tgz}}\n  c:\n    resolution: {{tarball: https://x/tar.gz/{commit}}}\n"
    );
    assert_eq!(unpinned(&lock(Manager::Pnpm, &pnpm)), ["https://x/b.tgz"]);
}
