//! Python by each of its package managers. The locks are made by the tools themselves, as a
//! developer would, for a lock names the registry it was made at.

use crate::stage::skip_without_root;
use crate::workshop::{World, cannot_be_tried, path};
use std::path::Path;
use xii::app::Failure;
use xii::build::{Build, Confined, Event, Origin, Tool, ToolName, Toolchains, Wish, app_folder};
use xii::sandbox::Mount;

type Files = Vec<(String, String)>;

const MODULE: (&str, &str) =
    ("src/greeter/__init__.py", "\"\"\"Greets.\"\"\"\nNAMES = {'a', 'b'}\n");
const PROJECT: &str = "[project]\nname = \"greeter\"\nversion = \"0.1.0\"\ndescription = \"Greets\"\nrequires-python = \">=3.7\"\ndependencies = [\"six==1.16.0\"]\n\n[build-system]\nrequires = [\"flit-core<4\"]\nbuild-backend = \"flit_core.buildapi\"\n";
/// `INDEX` is the registry that pip asks.
const POETRY: &str = "[tool.poetry]\nname = \"greeter\"\nversion = \"0.1.0\"\ndescription = \"\"\nauthors = []\npackages = [{ include = \"greeter\", from = \"src\" }]\n\n[tool.poetry.dependencies]\npython = \">=3.11,<4\"\nsix = \"1.16.0\"\n\n[[tool.poetry.source]]\nname = \"index\"\nurl = \"INDEX/\"\npriority = \"primary\"\n\n[build-system]\nrequires = [\"poetry-core<3\"]\nbuild-backend = \"poetry.core.masonry.api\"\n";
const PIPFILE: &str = "[[source]]\nurl = \"INDEX\"\nverify_ssl = true\nname = \"index\"\n\n[packages]\nsix = \"==1.16.0\"\n";

fn files(of: &[(&str, &str)]) -> Files {
    of.iter().map(|(name, text)| (name.to_string(), text.to_string())).collect()
}

fn built(world: &World, files: &Files, procfile: &str) -> (Result<Build, Failure>, Vec<Event>) {
    let files: Vec<(&str, &str)> =
        files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    world.build(&files, Some(procfile), &path())
}

/// The stack's Python, or `None` where there is none with venv.
fn python(world: &World) -> Option<Tool> {
    let mut run = |command: &Confined, line: &mut dyn FnMut(&str)| world.run(command, line);
    let found = Toolchains::find("").probe(&mut run).unwrap();
    found.tools.into_iter().find(|tool| tool.name == ToolName::Python)
}

/// Runs a command in a folder that is `/app` for it; gives back what it printed.
fn run_in(world: &World, folder: &Path, argv: &[&str], tool: Option<&Tool>) -> Vec<String> {
    let mut command = Confined::new(argv.iter().map(|word| word.to_string()).collect());
    for (name, value) in [
        ("HOME", "/tmp"),
        ("XDG_CACHE_HOME", "/tmp/cache"),
        ("SSL_CERT_FILE", "/etc/ssl/certs/ca-certificates.crt"),
        ("REQUESTS_CA_BUNDLE", "/etc/ssl/certs/ca-certificates.crt"),
        ("UV_PYTHON_DOWNLOADS", "never"),
        ("LANG", "C.UTF-8"),
    ] {
        command.env.insert(name.into(), value.into());
    }
    command.cwd = "/app".into();
    let source = folder.to_path_buf();
    command.mounts.push(Mount::ReadWrite { source, target: "/app".into() });
    if let Some(tool) = tool
        && let (Origin::Registry { digest, .. }, Some(target)) = (&tool.origin, tool.mount())
    {
        let source = world.home.stacks().join(digest.to_string());
        command.mounts.push(Mount::ReadOnly { source, target });
    }
    let mut said = Vec::new();
    let exit = world.run(&command, &mut |line| said.push(line.to_string())).unwrap();
    assert_eq!(exit, 0, "{argv:?}: {said:#?}");
    said
}

/// The project with its lock, and what the lock was made with.
fn locked(
    world: &World,
    name: ToolName,
    version: &str,
    lock: &str,
    project: Files,
) -> Result<Files, Failure> {
    let Some(python) = python(world) else {
        return Err(Failure::app("there is no usable Python on this server"));
    };
    let wish = Wish {
        name,
        version: version.into(),
        declared_by: None,
        with: Some(Box::new(python.clone())),
        on: None,
    };
    let tool = world.fetch(&wish)?;
    let folder = world.home.tmp().join("locking");
    let asks = "from pip._internal.models.index import PyPI; print(PyPI.simple_url)";
    std::fs::create_dir_all(&folder).unwrap();
    let python = python.exe().display().to_string();
    let index = run_in(world, &folder, &[&python, "-c", asks], None).concat();
    let mut project: Files =
        project.into_iter().map(|(name, text)| (name, text.replace("INDEX", &index))).collect();
    for (name, text) in &project {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    world.own(&folder);
    run_in(world, &folder, &[&tool.exe().display().to_string(), "lock"], Some(&tool));
    let text = std::fs::read_to_string(folder.join(lock)).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    project.push((lock.to_string(), text));
    Ok(project)
}

/// One digest from another workspace, a cold cache and a commit of another day; then the
/// layer, and at last a lock that no longer fits.
fn is_reproducible(
    test: &str,
    (name, version, lock): (ToolName, &str, &str),
    project: &[(&str, &str)],
    edit: (&str, &str, &str),
) {
    if skip_without_root(test) {
        return;
    }
    let mut world = World::new();
    let project = match locked(&world, name, version, lock, files(project)) {
        Err(failure) if cannot_be_tried(&failure) => return eprintln!("SKIP {test}: {failure}"),
        project => project.unwrap_or_else(|failure| panic!("{failure}")),
    };
    let first = built(&world, &project, "web: true");
    let build = first.0.unwrap_or_else(|failure| panic!("{failure}: {:?}", first.1));
    let app = app_folder(&world.home, &build.digest);
    assert!(app.join(".venv/lib").is_dir());
    assert!(build.description.toolchains.iter().all(|tool| !tool.name.starts_with(name.slug())));
    let kept = world.home.dir().join("kept");
    std::fs::rename(app.parent().unwrap(), &kept).unwrap();
    std::fs::remove_dir_all(world.home.cache(&world.app)).unwrap();
    world.commit_time += 24 * 3600;
    let again = built(&world, &project, "web: true").0.unwrap();
    let differs = std::process::Command::new("diff")
        .args(["-rq", "--no-dereference"])
        .args([&kept, app.parent().unwrap()])
        .output()
        .unwrap();
    assert_eq!(again.digest, build.digest, "{}", String::from_utf8_lossy(&differs.stdout));
    let third = built(&world, &project, "web: true").0.unwrap();
    assert_eq!(third.digest, build.digest, "with its dependencies from the layer");
    let cached = |build: &Build| {
        build.phases.iter().any(|phase| phase.cached && phase.name.starts_with("dependencies"))
    };
    assert!(cached(&third) && !cached(&again), "{:?}", third.phases);
    let (file, from, to) = edit;
    let mut stale = project.clone();
    let text = &mut stale.iter_mut().find(|(name, _)| name == file).unwrap().1;
    *text = text.replace(from, to);
    let failure = built(&world, &stale, "web: true").0.unwrap_err();
    assert_eq!(failure.exit_code(), 3, "{failure}");
    let next = failure.next.clone().unwrap_or_default();
    assert!(next.contains(&format!("{} lock", name.slug())), "{failure:?}");
    world.nothing_is_left();
}

#[test]
fn uv_builds_the_same_twice_and_refuses_a_stale_lock() {
    is_reproducible(
        "uv_builds_the_same_twice_and_refuses_a_stale_lock",
        (ToolName::Uv, "0.13.9", "uv.lock"),
        &[("pyproject.toml", PROJECT), MODULE],
        ("pyproject.toml", "six==1.16.0", "six==1.15.0"),
    );
}

#[test]
fn poetry_builds_the_same_twice_and_refuses_a_stale_lock() {
    is_reproducible(
        "poetry_builds_the_same_twice_and_refuses_a_stale_lock",
        (ToolName::Poetry, "2.5.1", "poetry.lock"),
        &[("pyproject.toml", POETRY), MODULE],
        ("pyproject.toml", "six = \"1.16.0\"", "six = \"1.15.0\""),
    );
}

#[test]
fn pipenv_builds_the_same_twice_and_refuses_a_stale_lock() {
    is_reproducible(
        "pipenv_builds_the_same_twice_and_refuses_a_stale_lock",
        (ToolName::Pipenv, "2026.10.3", "Pipfile.lock"),
        &[("Pipfile", PIPFILE), ("app.py", "import six\n")],
        ("Pipfile", "six = \"==1.16.0\"", "six = \"==1.15.0\""),
    );
}

const SETTINGS: &str = "import os\nSECRET_KEY = 'x'\nINSTALLED_APPS = ['django.contrib.staticfiles', 'shop']\nROOT_URLCONF = 'shop.urls'\nSTATIC_URL = '/static/'\nSTATIC_ROOT = '/app/public'\nSTORAGES = {'staticfiles': {'BACKEND': 'whitenoise.storage.CompressedManifestStaticFilesStorage'}}\n";
const MANAGE: &str = "import os, sys\nos.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\nfrom django.core.management import execute_from_command_line\nexecute_from_command_line(sys.argv)\n";

fn django(settings: &str) -> Files {
    let style = format!("body {{ background: url(\"logo.svg\") }} /* {} */\n", "x".repeat(400));
    files(&[
        ("requirements.txt", "django==5.2.1\nwhitenoise==6.9.0\n"),
        ("web/manage.py", MANAGE),
        ("web/shop/__init__.py", ""),
        ("web/shop/settings.py", settings),
        ("web/shop/static/site.css", &style),
        ("web/shop/static/logo.svg", "<svg/>"),
        ("bin/post_compile", "#!/bin/sh\nls public > collected.txt\n"),
    ])
}

#[test]
fn django_collects_its_static_files_the_same_twice_or_says_what_is_missing() {
    let test = "django_collects_its_static_files_the_same_twice_or_says_what_is_missing";
    if skip_without_root(test) {
        return;
    }
    let mut world = World::new();
    let (first, events) = built(&world, &django(SETTINGS), "web: true");
    let first = match first {
        Err(failure) if cannot_be_tried(&failure) => return eprintln!("SKIP {test}: {failure}"),
        first => first.unwrap_or_else(|failure| panic!("{failure}: {events:?}")),
    };
    let app = app_folder(&world.home, &first.digest);
    let collected = std::fs::read_to_string(app.join("collected.txt")).unwrap();
    let is_there = |end: &str| collected.lines().any(|name| name.ends_with(end));
    assert!(is_there(".css.gz") && is_there(".svg") && is_there("staticfiles.json"), "{collected}");
    std::fs::rename(app.parent().unwrap(), world.home.dir().join("kept")).unwrap();
    world.commit_time += 24 * 3600;
    let again = built(&world, &django(SETTINGS), "web: true").0.unwrap();
    assert_eq!(again.digest, first.digest, "with its dependencies from the layer");
    for (from, to, words) in [
        ("STATIC_ROOT = '/app/public'", "", "STATIC_ROOT ="),
        ("'x'", "os.environ['SECRET_KEY']", "the variable SECRET_KEY"),
    ] {
        let failure =
            built(&world, &django(&SETTINGS.replace(from, to)), "web: true").0.unwrap_err();
        assert_eq!(failure.exit_code(), 3, "{failure}");
        assert!(failure.message.contains("collectstatic"), "{failure}");
        assert!(failure.next.as_ref().is_some_and(|next| next.contains(words)), "{failure:?}");
    }
    let without = SETTINGS.replace("'django.contrib.staticfiles', ", "");
    let mut files = django(&without);
    files.retain(|(name, _)| name != "bin/post_compile");
    let (built, events) = built(&world, &files, "web: true");
    built.unwrap();
    let said = |event: &Event| matches!(event, Event::Output { line } if line.contains("nothing to collect"));
    assert!(events.iter().any(said), "{events:?}");
    world.nothing_is_left();
}
