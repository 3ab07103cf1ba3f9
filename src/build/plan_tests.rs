use super::*;
use crate::app::ManifestTexts;
use crate::build::tool::Origin;

fn tree(files: &[(&str, &str)]) -> Tree {
    let names = files.iter().map(|(name, _)| name.split('/').next().unwrap().to_string());
    let texts = files.iter().map(|(name, text)| (name.to_string(), text.to_string()));
    let deeper = files.iter().map(|(name, _)| name.to_string()).collect();
    Tree { names: names.collect(), deeper, texts: texts.collect() }
}

fn manifests(procfile: Option<&str>, xii_toml: Option<&str>) -> Manifests {
    let texts = ManifestTexts {
        procfile: procfile.map(String::from),
        xii_toml: xii_toml.map(String::from),
        ..ManifestTexts::default()
    };
    Manifests::parse(&texts).unwrap()
}

fn available() -> Toolchains {
    let stack = Origin::Stack { exe: "/usr/bin/python3.11".into() };
    let server = Origin::Server { prefix: "/srv/3.12.1".into(), stamp: "1".into() };
    let python = |version: &str, origin| Tool {
        name: ToolName::Python,
        version: version.parse().unwrap(),
        origin,
    };
    let tools = vec![python("3.11.2", stack), python("3.12.1", server)];
    Toolchains { tools, ..Toolchains::default() }
}

fn made(
    files: &[(&str, &str)],
    procfile: Option<&str>,
    xii_toml: Option<&str>,
) -> Result<Plan, Failure> {
    plan(&tree(files), &manifests(procfile, xii_toml), &available()).map_err(|stop| match stop {
        Stop::Failed(failure) => failure,
        other => panic!("{other:?}"),
    })
}

const WEB: Option<&str> = Some("web: python app.py");

#[test]
fn a_python_app_gets_a_venv_its_packages_and_bytecode() {
    let plan =
        made(&[("requirements.txt", "flask==3.0.0"), (".python-version", "3.12\n")], WEB, None)
            .unwrap();
    assert_eq!(plan.languages, [Kind::Python]);
    let steps = plan.stages.iter().flat_map(|stage| &stage.steps);
    let commands: Vec<_> = steps.map(|s| format!("{} {}", s.cwd, s.argv.join(" "))).collect();
    let compile =
        "/ /app/.venv/bin/python -m compileall -f -q -q --invalidation-mode unchecked-hash";
    assert_eq!(
        commands,
        [
            "/ /opt/xii/python-3.12.1/bin/python3.12 -m venv /app/.venv".to_string(),
            format!("{compile} /app/.venv/lib"),
            "/app /app/.venv/bin/pip install --no-compile --progress-bar off -r /app/requirements.txt"
                .to_string(),
            format!("{compile} -x /site-packages/pip/ /app/.venv/lib"),
            format!(r"{compile} -x /(\.venv|node_modules)/ /app"),
        ]
    );
    assert_eq!(
        plan.env["PATH"],
        "/app/.venv/bin:/app/node_modules/.bin:/opt/xii/python-3.12.1/bin:/usr/bin:/bin"
    );
    assert!(plan.commands.is_empty() && plan.warnings.is_empty(), "{:?}", plan.warnings);
}

#[test]
fn hashes_hold_pip_to_them() {
    let plan = made(&[("requirements.txt", "six==1.16.0 --hash=sha256:aa")], WEB, None).unwrap();
    assert!(plan.stages[1].steps[0].argv.contains(&"--require-hashes".to_string()));
}

#[test]
fn an_unpinned_package_is_named_wherever_it_stands() {
    let files = [
        ("requirements.txt", "-r more.txt\nflask>=3"),
        ("more.txt", "six"),
        (".python-version", "3.11"),
    ];
    let warnings = made(&files, WEB, None).unwrap().warnings;
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[0].starts_with("more.txt does not pin six:"), "{}", warnings[0]);
    assert!(warnings[1].starts_with("requirements.txt does not pin flask:"), "{}", warnings[1]);
}

#[test]
fn the_layer_follows_every_list_and_nothing_else() {
    let key = |files: &[(&str, &str)]| made(files, WEB, None).unwrap().stages[1].layer.clone();
    let base = [("requirements.txt", "-r more.txt"), ("more.txt", "six==1.16.0"), ("app.py", "1")];
    let layer = key(&base).unwrap();
    assert_eq!(layer.inputs, ["more.txt", "requirements.txt"]);
    let other_code = [base[0], base[1], ("app.py", "2"), ("lib", "")];
    assert_eq!(key(&other_code), Some(layer.clone()));
    let other_list = [base[0], ("more.txt", "six==1.15.0"), base[2]];
    assert_ne!(key(&other_list), Some(layer));
    assert_eq!(key(&[("requirements.txt", "-e .")]), None, "what is installed is the tree itself");
}

#[test]
fn a_version_that_is_not_to_be_had_lists_what_is_and_the_line_to_write() {
    let failure =
        made(&[("requirements.txt", ""), ("runtime.txt", "python-3.14.1")], WEB, None).unwrap_err();
    assert_eq!(failure.exit_code(), 3);
    assert_eq!(failure.message, "Python 3.14.1, which runtime.txt asks for, is not on this server");
    assert_eq!(
        failure.causes,
        [
            "available: 3.11.2 (stack, /usr/bin/python3.11), 3.12.1 (this server's PATH, /srv/3.12.1)"
        ]
    );
    assert!(failure.next.unwrap().starts_with("write `python-3.12.1` into runtime.txt"));
}

#[test]
fn a_python_that_only_a_stack_has_is_had_by_declaring_the_stack() {
    let next = |text: &str| {
        let files = [("requirements.txt", ""), (".python-version", text)];
        made(&files, WEB, None).unwrap_err().next.unwrap()
    };
    let line = "write `stack = \"debian-13\"` into xii.toml, which has Python 3.13, write `3.12.1`";
    assert!(next("3.13").starts_with(line), "{}", next("3.13"));
    assert!(next("3.13.5").starts_with("write `3.12.1` into .python-version"));
}

#[test]
fn an_odd_version_file_is_shown_with_its_line() {
    let failure =
        made(&[("requirements.txt", ""), (".python-version", "# mine\nmy-env\n")], WEB, None)
            .unwrap_err();
    assert_eq!(failure.exit_code(), 2);
    assert!(failure.message.contains(".python-version:2:1"), "{}", failure.message);
}

#[test]
fn a_python_app_without_a_procfile_says_what_to_write() {
    let failure = made(&[("requirements.txt", ""), ("procfile", "")], None, None).unwrap_err();
    assert_eq!(failure.exit_code(), 2);
    assert_eq!(failure.next.as_deref(), Some("rename `procfile` to `Procfile`"));
}

#[test]
fn a_page_is_a_site_and_xii_serves_it() {
    let web = |plan: Plan| plan.commands[&ProcessType::web()].clone();
    let plan = made(&[("index.html", "")], None, None).unwrap();
    assert_eq!((&plan.languages[..], plan.stages.len()), (&[Kind::Static][..], 0));
    assert_eq!(web(plan), "/opt/xii/bin/xii static-server /app");
    let toml = "[build]\ncommand = \"make site\"\noutput = \"public\"\n";
    let plan = made(&[("gen.py", "")], None, Some(toml)).unwrap();
    assert_eq!((&plan.languages[..], plan.stages.len()), (&[Kind::Static][..], 1));
    assert_eq!(web(plan), "/opt/xii/bin/xii static-server /app/public");
}

#[test]
fn a_build_command_builds_any_language_and_comes_last_in_a_known_one() {
    let toml = Some("[build]\ncommand = \"go build\"\nenv = { CGO_ENABLED = \"0\" }\n");
    let plan = made(&[("go.mod", "")], Some("web: ./server"), toml).unwrap();
    assert_eq!(plan.languages, [Kind::Command]);
    assert_eq!(plan.stages[0].steps[0].argv, ["sh", "-ec", "go build"]);
    assert_eq!(plan.env["CGO_ENABLED"], "0");
    let plan = made(&[("requirements.txt", "")], WEB, toml).unwrap();
    let names: Vec<_> = plan.stages.iter().map(|stage| stage.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "venv of Python 3.11.2",
            "dependencies: requirements.txt",
            "build command: go build",
            "bytecode"
        ]
    );
}

#[test]
fn another_language_is_named_and_told_about_the_build_command() {
    for (file, language) in [
        ("Gemfile", "Ruby"),
        ("go.mod", "Go"),
        ("composer.json", "PHP"),
        ("pom.xml", "Java with Maven"),
        ("shop.csproj", ".NET"),
    ] {
        let failure = made(&[(file, ""), ("index.html", "")], None, None).unwrap_err();
        assert_eq!(failure.exit_code(), 3, "{file}");
        assert!(failure.message.contains(language), "{}", failure.message);
        assert!(failure.next.unwrap().contains("[build]\n    command ="), "{file}");
    }
}

#[test]
fn a_tree_of_nothing_known_says_what_was_looked_for() {
    let failure = made(&[("README", "")], None, None).unwrap_err();
    assert_eq!(failure.exit_code(), 3);
    assert!(failure.causes[0].contains("requirements.txt"), "{failure}");
}

#[test]
fn the_build_key_follows_tree_plan_and_stack_but_no_warning() {
    let plan = made(&[("requirements.txt", "six")], WEB, None).unwrap();
    let same = Plan { warnings: vec!["other".into()], ..plan.clone() };
    assert_eq!(build_key(&plan, "t1"), build_key(&same, "t1"));
    assert_ne!(build_key(&plan, "t1"), build_key(&plan, "t2"));
    let mut upgraded = plan.clone();
    upgraded.stack = Below::Host("libc6 2.37".parse().unwrap());
    assert_ne!(build_key(&plan, "t1"), build_key(&upgraded, "t1"));
}

#[test]
fn a_plan_survives_being_stored() {
    let plan =
        made(&[("requirements.txt", "six"), (".python-version", "3.12")], WEB, None).unwrap();
    let text = serde_json::to_string(&plan).unwrap();
    assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), plan);
}

#[test]
fn a_plan_reads_like_what_will_happen() {
    let files = [("requirements.txt", "six"), (".python-version", "3.11")];
    let text = made(&files, WEB, Some("[build]\ncommand = \"make\"\n")).unwrap().to_string();
    for line in [
        "builds     Python 3.11.2",
        "toolchain  Python 3.11.2 (stack, /usr/bin/python3.11)",
        "-----> dependencies: requirements.txt",
        "       made again when these change: requirements.txt",
        "       $ sh -ec make",
        " !  requirements.txt does not pin six: another day's build may differ; write `name==version`",
    ] {
        assert!(text.lines().any(|found| found == line), "{line:?} is not in\n{text}");
    }
}

#[test]
fn what_is_the_trees_fault_is_said_before_a_stack_is_made() {
    let stop = |files: &[(&str, &str)], procfile| {
        let toml = Some("stack = \"debian-12\"\n");
        let able = Toolchains { makes_stacks: true, ..available() };
        plan(&tree(files), &manifests(procfile, toml), &able).unwrap_err()
    };
    for (files, procfile, message) in [
        (&[("requirements.txt", "")][..], None, "there is no Procfile"),
        (&[("pyproject.toml", "[project]\nname = \"x\"\ndependencies = [\"six\"]\n")], WEB, "lock"),
        (&[("package.json", r#"{"dependencies": {"a": "1"}}"#)], WEB, "lock"),
        (&[("Cargo.toml", "[package]\nname = \"x\"\n")], WEB, "Cargo.lock"),
    ] {
        let Stop::Failed(failure) = stop(files, procfile) else { panic!("{files:?}") };
        assert!(failure.to_string().contains(message), "{failure}");
    }
    let stop = stop(&[("requirements.txt", "")], WEB);
    assert!(matches!(stop, Stop::NeedsStack(_)), "{stop:?}");
}
