use super::*;
use crate::app::ManifestTexts;
use crate::build::stack::Root;
use crate::build::tool::{Origin, Tool, ToolName};

/// A server with Python 3.11 of its own, and with these roots.
fn server(makes_stacks: bool, roots: Vec<Root>) -> Toolchains {
    let origin = Origin::Stack { exe: "/usr/bin/python3.11".into() };
    let python = Tool { name: ToolName::Python, version: "3.11.2".parse().unwrap(), origin };
    Toolchains { tools: vec![python], roots, makes_stacks, ..Toolchains::default() }
}

fn python(asked: Option<&str>) -> Tree {
    let texts = asked.map(|version| (".python-version".to_string(), version.to_string()));
    let names = ["requirements.txt".to_string()].into();
    Tree { names, texts: texts.into_iter().collect(), ..Tree::default() }
}

fn manifests(stack: Option<&str>, packages: &[&str]) -> Manifests {
    let stack = stack.map(|name| format!("stack = \"{name}\"\n"));
    let texts = ManifestTexts {
        procfile: Some("web: x\n".to_string()),
        xii_toml: stack,
        aptfile: (!packages.is_empty()).then(|| packages.join("\n")),
        ..ManifestTexts::default()
    };
    Manifests::parse(&texts).unwrap()
}

fn root(suite: Suite, packages: &[&str]) -> Root {
    let wanted = Wanted::new(suite, packages.iter().copied()).unwrap();
    let versions = wanted.packages.iter().map(|name| (name.to_string(), "1-1".to_string()));
    Root { digest: wanted.key(), packages: versions.collect(), wanted }
}

const ASKED: [Option<&str>; 6] =
    [None, Some("3.11"), Some("3.13"), Some("3.12"), Some("3.13.5"), Some("3.14")];
const STACKS: [Option<&str>; 3] = [None, Some("host"), Some("debian-12")];

/// What must come of it: the suite, and words of the warning. Python 3.11 is on the server,
/// 3.12 is nowhere, 3.13 and 3.14 are in Debian stacks, and no stack promises a patch.
fn expected(
    stack: Option<&str>,
    packages: bool,
    asked: Option<&str>,
    makes_stacks: bool,
) -> (Option<Suite>, Option<&'static str>) {
    let of_python = match asked {
        Some("3.11") => Some(Suite::Debian12),
        Some("3.13") => Some(Suite::Debian13),
        Some("3.14") => Some(Suite::Debian14),
        _ => None,
    };
    match (stack, packages) {
        (Some("debian-12"), _) => (Some(Suite::Debian12), None),
        (Some(_), false) => (None, None),
        (Some(_), true) => (None, Some("`apt-get install libpq5`")),
        (None, false) if !makes_stacks => (None, None),
        (None, true) if !makes_stacks => (None, Some("`apt-get install libpq5`")),
        (None, true) => (of_python.or(Some(Suite::Debian13)), Some("system packages are declared")),
        (None, false) if matches!(asked, Some("3.13" | "3.14")) => {
            (of_python, Some("is not on this server and"))
        }
        (None, false) => (None, None),
    }
}

#[test]
fn what_is_declared_decides_then_packages_then_a_python_that_only_a_stack_has() {
    for stack in STACKS {
        for packages in [&[][..], &["libpq5"]] {
            for asked in ASKED {
                for makes_stacks in [false, true] {
                    let case = (stack, packages, asked, makes_stacks);
                    let server = server(makes_stacks, Vec::new());
                    let declared = manifests(stack, packages);
                    let found = suite(&python(asked), &declared, &[Kind::Python], &server);
                    let (found, warning) = found.unwrap();
                    let (suite, words) = expected(stack, !packages.is_empty(), asked, makes_stacks);
                    assert_eq!(found, suite, "{case:?}");
                    assert_eq!(warning.is_some(), words.is_some(), "{case:?}: {warning:?}");
                    let said = warning.unwrap_or_default();
                    assert!(said.contains(words.unwrap_or_default()), "{case:?}: {said}");
                }
            }
        }
    }
}

#[test]
fn the_python_of_another_language_does_not_choose_the_stack() {
    let server = server(true, Vec::new());
    let found = suite(&python(Some("3.13")), &manifests(None, &[]), &[Kind::Node], &server);
    assert_eq!(found.unwrap(), (None, None));
    let found = suite(&python(Some("3.11")), &manifests(None, &["jq"]), &[Kind::Node], &server);
    assert_eq!(found.unwrap().0, Some(USUAL));
}

/// Makes each root that is asked for, as the server does, and says which those were.
fn made(kinds: &[Kind], packages: &[&str]) -> (Chosen, Vec<Wanted>) {
    let (declared, mut asked) = (manifests(Some("debian-12"), packages), Vec::new());
    let mut server = server(true, Vec::new());
    loop {
        match choose(&python(None), &declared, kinds, &server) {
            Ok(chosen) => return (chosen, asked),
            Err(Stop::NeedsStack(wanted)) => {
                assert!(!asked.contains(&wanted), "asked for twice: {wanted}");
                let names: Vec<&str> = wanted.packages.iter().map(|name| name.as_str()).collect();
                server.roots.push(root(wanted.suite, &names));
                asked.push(wanted);
            }
            Err(other) => panic!("{other:?}"),
        }
    }
}

#[test]
fn the_root_to_run_on_is_asked_for_before_the_one_to_build_on() {
    for (kinds, packages, run) in [
        (&[Kind::Python][..], &[][..], "libatomic1, libstdc++6, python3"),
        (&[Kind::Python, Kind::Node], &["libpq5"], "libatomic1, libpq5, libstdc++6, python3"),
        (&[Kind::Node], &[], "libatomic1, libstdc++6"),
        (&[Kind::Rust], &[], "libatomic1, libstdc++6"),
        (&[Kind::Command], &["jq"], "jq, libatomic1, libstdc++6"),
        // Built by a command, and served by xii or by whatever its Procfile says.
        (&[Kind::Node, Kind::Static], &[], "libatomic1, libstdc++6"),
    ] {
        let (chosen, asked) = made(kinds, packages);
        let [to_run, to_build] = asked.as_slice() else { panic!("{kinds:?}: {asked:?}") };
        assert_eq!(to_run.to_string(), format!("debian-12 with {run}"), "{kinds:?}");
        let names: Vec<&str> = to_build.packages.iter().map(|name| name.as_str()).collect();
        assert!(packages.iter().chain(&TO_BUILD).all(|name| names.contains(name)), "{names:?}");
        let below =
            Below::Debian { suite: Suite::Debian12, run: to_run.key(), build: to_build.key() };
        assert_eq!(chosen.below, below, "{kinds:?}");
    }
}

#[test]
fn a_static_site_is_built_on_the_root_it_runs_on() {
    for packages in [&[][..], &["less"]] {
        let (chosen, asked) = made(&[Kind::Static], packages);
        assert_eq!(asked, [Wanted::new(Suite::Debian12, packages.iter().copied()).unwrap()]);
        let one = asked[0].key();
        assert_eq!(chosen.below, Below::Debian { suite: Suite::Debian12, run: one, build: one });
    }
}

#[test]
fn the_tools_of_the_host_are_not_those_of_a_stack() {
    let (chosen, _) = made(&[Kind::Rust], &[]);
    assert_eq!(chosen.available.of(ToolName::Python).count(), 0, "a root's own, if it has one");
    let kinds = [Kind::Python];
    let host = choose(&python(None), &manifests(None, &[]), &kinds, &server(true, Vec::new()));
    let host = host.unwrap();
    assert_eq!((host.below.name(), host.available.tools.len()), ("host", 1));
}
