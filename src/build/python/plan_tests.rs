use super::*;
use crate::app::{Digest, ManifestTexts};
use crate::build::tool::Origin;
use crate::build::{Plan, Tool, ToolName, Toolchains, Wish, plan};

const PROJECT: (&str, &str) =
    ("pyproject.toml", "[project]\nname = \"a\"\nrequires-python = \"==3.12.*\"\n");
const NO_PACKAGE: (&str, &str) = (
    "pyproject.toml",
    "[tool.poetry]\npackage-mode = false\n[tool.poetry.dependencies]\npython = \"~3.12\"\n",
);
const UV_LOCK: (&str, &str) =
    ("uv.lock", "[[package]]\nname = \"a\"\nsource = { virtual = \".\" }\n");

fn tool(name: ToolName, version: &str, made_with: Option<&str>) -> Tool {
    let digest = Digest::of(version.as_bytes());
    let origin = Origin::Registry { digest, made_with: made_with.map(String::from) };
    Tool { name, version: version.parse().unwrap(), origin }
}

fn available() -> Toolchains {
    let server = Origin::Server { prefix: "/srv/3.12.1".into(), stamp: "1".into() };
    let python =
        Tool { name: ToolName::Python, version: "3.12.1".parse().unwrap(), origin: server };
    let beside = Some("/opt/xii/python-3.12.1/bin/python3.12");
    let tools = vec![
        python,
        tool(ToolName::Uv, "0.13.9", None),
        tool(ToolName::Poetry, "2.5.1", beside),
        tool(ToolName::Pipenv, "2026.10.3", beside),
    ];
    Toolchains { tools, ..Toolchains::default() }
}

fn made_of(
    files: &[(&str, &str)],
    procfile: &str,
    xii_toml: &str,
    available: &Toolchains,
) -> Result<Plan, Stop> {
    let names = files.iter().map(|(name, _)| name.split('/').next().unwrap().to_string());
    let tree = Tree {
        names: names.collect(),
        deeper: files.iter().map(|(name, _)| name.to_string()).collect(),
        texts: files.iter().map(|(name, text)| (name.to_string(), text.to_string())).collect(),
    };
    let texts = ManifestTexts {
        procfile: Some(procfile.to_string()),
        xii_toml: Some(xii_toml.to_string()),
        ..ManifestTexts::default()
    };
    plan(&tree, &Manifests::parse(&texts).unwrap(), available)
}

fn made(files: &[(&str, &str)]) -> Plan {
    made_of(files, "web: python app.py", "", &available()).unwrap()
}

fn names(plan: &Plan) -> Vec<&str> {
    plan.stages.iter().map(|stage| stage.name.as_str()).collect()
}

#[test]
fn each_lock_is_installed_by_its_own_tool_which_stays_behind() {
    let pipfile = ("Pipfile", "[requires]\npython_version = \"3.12\"\n");
    for (files, name, command) in [
        (
            vec![PROJECT, UV_LOCK],
            ToolName::Uv,
            "/opt/xii/uv-0.13.9/bin/uv sync --locked --no-default-groups --no-install-local",
        ),
        (
            vec![NO_PACKAGE, ("poetry.lock", "")],
            ToolName::Poetry,
            "/opt/xii/poetry-2.5.1/bin/poetry install --only main --no-interaction --no-root --no-directory",
        ),
        (
            vec![pipfile, ("Pipfile.lock", "{}")],
            ToolName::Pipenv,
            "/opt/xii/pipenv-2026.10.3/bin/pipenv install --deploy",
        ),
    ] {
        let plan = made(&files);
        assert_eq!(plan.warnings, Vec::<String>::new());
        let lock = files[1].0;
        let dependencies = format!("dependencies: {lock}");
        assert_eq!(names(&plan), ["venv of Python 3.12.1", &dependencies, "bytecode"]);
        assert_eq!(plan.stages[1].steps[0].shown(), command);
        let layer = plan.stages[1].layer.clone().unwrap();
        let mut inputs = vec![files[0].0, lock];
        inputs.sort();
        assert_eq!(layer.inputs, inputs);
        assert!(plan.only_to_build.contains(&name));
        assert!(plan.run_env.keys().all(|key| !key.starts_with(&name.slug().to_uppercase())));
    }
}

#[test]
fn what_lies_in_the_checkout_is_installed_after_the_layer() {
    let editable = ("uv.lock", "[[package]]\nname = \"a\"\nsource = { editable = \".\" }\n");
    let plan = made(&[PROJECT, editable]);
    assert_eq!(names(&plan)[1..3], ["dependencies: uv.lock", "the project itself"]);
    assert!(plan.stages[1].layer.is_some() && plan.stages[2].layer.is_none());
    let plan = made(&[("pyproject.toml", "[tool.poetry]\nname = \"a\"\n"), ("poetry.lock", "")]);
    assert_eq!(names(&plan)[2], "the project itself");
    let mut old = available();
    old.tools[1] = tool(ToolName::Uv, "0.5.1", None);
    let asks = "[project]\nname = \"a\"\n[tool.uv]\nrequired-version = \"<0.6\"\n";
    let plan = made_of(&[("pyproject.toml", asks), editable], "web: true", "", &old).unwrap();
    assert_eq!(names(&plan).len(), 3, "an old uv installs all in one stage");
    assert_eq!(plan.stages[1].layer, None);
    let local = ("Pipfile.lock", r#"{"default": {"a": {"path": "."}}}"#);
    assert_eq!(made(&[("Pipfile", ""), local]).stages[1].layer, None);
}

#[test]
fn the_layer_follows_lock_and_declaration_and_no_code() {
    let key = |files: &[(&str, &str)]| made(files).stages[1].layer.clone().unwrap().key;
    let base = key(&[PROJECT, UV_LOCK, ("app.py", "1")]);
    assert_eq!(key(&[PROJECT, UV_LOCK, ("app.py", "2"), ("README.md", "")]), base);
    assert_ne!(key(&[PROJECT, ("uv.lock", "")]), base);
    let other = ("pyproject.toml", "[project]\nname = \"b\"\nrequires-python = \"==3.12.*\"\n");
    assert_ne!(key(&[other, UV_LOCK]), base);
}

#[test]
fn a_tool_that_the_procfile_calls_is_there_when_it_runs() {
    let files = [PROJECT, UV_LOCK];
    let plan = made_of(&files, "web: cd src && uv run app.py", "", &available()).unwrap();
    assert!(plan.only_to_build.is_empty());
    assert_eq!(plan.run_env["UV_NO_SYNC"], "1");
    let plan = made_of(&files, "web: python uvloop_app.py", "", &available()).unwrap();
    assert!(plan.only_to_build.contains(&ToolName::Uv));
    assert_eq!(plan.run_env["PYTHONPATH"], "/app");
    assert_eq!(plan.run_env["FORWARDED_ALLOW_IPS"], "*");
}

#[test]
fn a_tool_that_is_not_here_is_wished_for_by_what_the_project_asks() {
    let wish = |pyproject: &str, lock: &str, available: &Toolchains| -> Option<Wish> {
        let python = "[project]\nname = \"a\"\nrequires-python = \"==3.12.*\"\n";
        let text = format!("{python}{pyproject}");
        match made_of(&[("pyproject.toml", &text), (lock, "")], "web: true", "", available) {
            Err(Stop::Needs(wish)) => Some(wish),
            _ => None,
        }
    };
    let mut without = available();
    without.tools.truncate(1);
    let found = wish("", "uv.lock", &without).unwrap();
    assert_eq!((found.name, found.version.as_str()), (ToolName::Uv, "0.13.9"));
    let other = wish("[tool.uv]\nrequired-version = \">=0.5,<0.6\"\n", "uv.lock", &available());
    assert_eq!(other.unwrap().version, ">=0.5, <0.6");
    assert_eq!(wish("[tool.uv]\nrequired-version = \">=0.5\"\n", "uv.lock", &available()), None);
    let mut elsewhere = available();
    elsewhere.tools[2] = tool(ToolName::Poetry, "2.5.1", Some("/usr/bin/python3.11"));
    let found = wish("", "poetry.lock", &elsewhere).unwrap();
    assert_eq!(found.with.unwrap().version, "3.12.1".parse().unwrap(), "made for another Python");
}

#[test]
fn static_files_are_collected_after_the_apps_own_command() {
    let files = [
        (".python-version", "3.12"),
        ("requirements.txt", "django==6.0"),
        ("web/manage.py", ""),
        ("bin/pre_compile", ""),
        ("bin/post_compile", ""),
    ];
    let of = |files: &[(&str, &str)], toml: &str| {
        made_of(files, "web: true", toml, &available()).unwrap()
    };
    let plan = of(&files, "[build]\ncommand = \"make\"\n");
    assert_eq!(
        names(&plan),
        [
            "bin/pre_compile",
            "venv of Python 3.12.1",
            "dependencies: requirements.txt",
            "build command: make",
            "collectstatic",
            "bin/post_compile",
            "bytecode"
        ]
    );
    let collects = |plan: &Plan| names(plan).contains(&"collectstatic");
    assert!(!collects(&of(&files, "[build]\nenv = { DISABLE_COLLECTSTATIC = \"1\" }\n")));
    assert!(collects(&of(&files, "[build]\nenv = { DISABLE_COLLECTSTATIC = \"0\" }\n")));
    assert!(!collects(&of(&[files[0], ("requirements.txt", "flask==3"), files[2]], "")));
    assert!(!collects(&of(&files[..2], "")));
}
