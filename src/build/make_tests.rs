use super::*;
use crate::app::{Blame, BuildSettings, Digest, ManifestTexts, Manifests, Settings};
use crate::build::{Confined, Description, Toolchains, Tree, plan, sweep};
use std::collections::BTreeMap;

struct World {
    _dir: tempfile::TempDir,
    home: Home,
    app: AppName,
    cancel: Cancel,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::open(&dir.path().join("home"), &dir.path().join("run")).unwrap();
        World { _dir: dir, home, app: "guestbook".parse().unwrap(), cancel: Cancel::new().unwrap() }
    }

    /// Builds these files with a `[build] command` that `exec` stands for.
    fn build(
        &self,
        files: &[(&str, &str)],
        build: BuildSettings,
        exec: &mut Exec<'_>,
    ) -> (Result<Build, Failure>, Vec<Event>) {
        let workspace = Workspace::new(&self.home).unwrap();
        for (path, text) in files {
            std::fs::write(workspace.source().join(path), text).unwrap();
        }
        let tree = Tree::read(&workspace.source()).unwrap();
        let manifests = Manifests {
            settings: Settings { build, ..Settings::default() },
            ..Manifests::default()
        };
        let plan = plan(&tree, &manifests, &Toolchains::default()).unwrap();
        let request = Request {
            home: &self.home,
            app: &self.app,
            plan: &plan,
            workspace,
            user: None,
            source_date_epoch: 1_700_000_000,
            cancel: &self.cancel,
            like: None,
        };
        let mut events = Vec::new();
        let built = build_it(&request, exec, &mut |event| events.push(event));
        (built, events)
    }

    fn left_in_tmp(&self) -> usize {
        std::fs::read_dir(self.home.tmp()).unwrap().count()
    }
}

use super::build as build_it;

fn site() -> BuildSettings {
    BuildSettings {
        command: Some("make".into()),
        output: Some("public".into()),
        ..BuildSettings::default()
    }
}

/// Where a target of the sandbox lies on the host.
fn source_of(command: &Confined, wanted: &str) -> PathBuf {
    let of = |mount: &Mount| match mount {
        Mount::ReadWrite { source, target } | Mount::ReadOnly { source, target }
            if target == Path::new(wanted) =>
        {
            Some(source.clone())
        }
        _ => None,
    };
    command.mounts.iter().find_map(of).unwrap()
}

/// Stands for a generator: `public/index.html` from the page at the root.
fn generate(command: &Confined, line: &mut dyn FnMut(&str)) -> Result<i32, Failure> {
    let app = source_of(command, APP);
    std::fs::create_dir_all(app.join("public")).unwrap();
    std::fs::copy(app.join("page"), app.join("public/index.html")).unwrap();
    line("generated 1 page");
    Ok(0)
}

#[test]
fn a_site_is_built_described_and_named_by_its_content() {
    let world = World::new();
    let (built, events) = world.build(&[("page", "hello")], site(), &mut generate);
    let built = built.unwrap();
    let folder = crate::build::app_folder(&world.home, &built.digest);
    assert_eq!(std::fs::read_to_string(folder.join("public/index.html")).unwrap(), "hello");
    let description = Description::read(&world.home, &built.digest).unwrap();
    assert_eq!(description, built.description);
    assert_eq!(
        description.commands[&"web".parse().unwrap()],
        "/opt/xii/bin/xii static-server /app/public"
    );
    assert!(events.contains(&Event::Output { line: "generated 1 page".into() }), "{events:?}");
    assert_eq!(world.left_in_tmp(), 0);
}

#[test]
fn the_same_source_gives_the_same_digest_and_other_source_another() {
    let world = World::new();
    let digest =
        |page: &str| world.build(&[("page", page)], site(), &mut generate).0.unwrap().digest;
    let first = digest("hello");
    assert_eq!(digest("hello"), first);
    assert_ne!(digest("bye"), first);
    let other_home = World::new();
    let again = other_home.build(&[("page", "hello")], site(), &mut generate).0.unwrap();
    assert_eq!(again.digest, first, "on another path");
}

#[test]
fn a_step_sees_the_agreed_environment_and_nothing_of_the_servers() {
    let world = World::new();
    let mut seen: Option<Confined> = None;
    let mut exec = |command: &Confined, line: &mut dyn FnMut(&str)| {
        seen = Some(command.clone());
        generate(command, line)
    };
    let mut build = site();
    build.env = BTreeMap::from([("SITE".to_string(), "1".to_string())]);
    world.build(&[("page", "")], build, &mut exec).0.unwrap();
    let command = seen.unwrap();
    assert_eq!(command.argv, ["sh", "-ec", "make"]);
    assert_eq!(command.cwd, Path::new("/app"));
    assert_eq!(command.env["SOURCE_DATE_EPOCH"], "1700000000");
    assert_eq!((command.env["HOME"].as_str(), command.env["SITE"].as_str()), ("/tmp/home", "1"));
    assert!(!command.env.contains_key("CARGO_MANIFEST_DIR"), "{:?}", command.env.keys());
    let targets = ["/app", "/cache", "/tmp"].map(|target| source_of(&command, target));
    assert!(targets.iter().all(|source| source.starts_with(world.home.dir())));
}

#[test]
fn a_failed_step_is_the_apps_fault_with_its_last_words_and_a_hint() {
    let world = World::new();
    let mut exec = |_: &Confined, line: &mut dyn FnMut(&str)| {
        (1..=30).for_each(|n| line(&format!("line {n}")));
        line("KeyError: 'SECRET_KEY'");
        Ok(4)
    };
    let failure = world.build(&[("page", "")], site(), &mut exec).0.unwrap_err();
    assert_eq!(failure.blame, Blame::App);
    assert_eq!(failure.message, "the build failed in `build command: make`");
    assert_eq!(failure.causes[0], "`sh -ec make`: exit code 4");
    assert!(failure.causes[1].starts_with("its last words:\nline 12\n"), "{}", failure.causes[1]);
    assert!(failure.next.unwrap().contains("SECRET_KEY"));
    assert_eq!(world.left_in_tmp(), 0);
}

#[test]
fn an_output_that_is_absent_or_leaves_the_app_is_refused() {
    let world = World::new();
    let failure = world.build(&[], site(), &mut |_, _| Ok(0)).0.unwrap_err();
    assert_eq!(
        (failure.exit_code(), failure.message.as_str()),
        (3, "the build made no folder `public`")
    );
    let mut escape = |command: &Confined, _: &mut dyn FnMut(&str)| {
        std::os::unix::fs::symlink("/etc", source_of(command, APP).join("public")).unwrap();
        Ok(0)
    };
    assert!(world.build(&[], site(), &mut escape).0.is_err());
}

#[test]
fn a_cancelled_build_leaves_nothing() {
    let world = World::new();
    let mut exec = |_: &Confined, _: &mut dyn FnMut(&str)| {
        world.cancel.cancel();
        Ok(0)
    };
    let failure = world.build(&[("page", "")], site(), &mut exec).0.unwrap_err();
    assert_eq!(failure.message, "the build was cancelled");
    assert_eq!(world.left_in_tmp(), 0);
    assert_eq!(std::fs::read_dir(world.home.builds()).unwrap().count(), 0);
}

#[test]
fn what_a_killed_build_left_is_swept_away() {
    let world = World::new();
    std::mem::forget(Workspace::new(&world.home).unwrap());
    assert_eq!(world.left_in_tmp(), 1);
    sweep(&world.home.tmp()).unwrap();
    assert_eq!(world.left_in_tmp(), 0);
}

#[test]
fn unchanged_dependencies_are_not_installed_again() {
    let world = World::new();
    let steps = std::cell::RefCell::new(Vec::new());
    let mut exec = |command: &Confined, _: &mut dyn FnMut(&str)| {
        let last = command.argv.last().cloned().unwrap_or_default();
        if last == "/app/.venv" {
            std::fs::create_dir_all(source_of(command, APP).join(".venv/lib")).unwrap();
        }
        steps.borrow_mut().push(last);
        Ok(0)
    };
    let mut run = |code: &str, list: &str| {
        steps.borrow_mut().clear();
        let built =
            world.python(&[("app.py", code), ("requirements.txt", list)], &mut exec).unwrap();
        (steps.borrow().join(" "), built.digest)
    };
    let cold = run("1", "six==1.16.0");
    let install = "/app/requirements.txt /app/.venv/lib /app";
    assert_eq!(cold.0, format!("/app/.venv /app/.venv/lib {install}"));
    let warm = run("1", "six==1.16.0");
    assert_eq!(warm, ("/app".to_string(), cold.1), "only bytecode, and the same bytes");
    assert_eq!(run("2", "six==1.16.0").0, "/app");
    assert_eq!(run("2", "six==1.15.0").0, install, "the empty venv is kept too");
}

impl World {
    fn python(&self, files: &[(&str, &str)], exec: &mut Exec<'_>) -> Result<Build, Failure> {
        let workspace = Workspace::new(&self.home)?;
        for (path, text) in files {
            std::fs::write(workspace.source().join(path), text).unwrap();
        }
        let tree = Tree::read(&workspace.source())?;
        let texts = ManifestTexts {
            procfile: Some("web: python app.py".into()),
            ..ManifestTexts::default()
        };
        let exe = PathBuf::from("/usr/bin/python3.11");
        let origin = crate::build::Origin::Stack { exe };
        let (name, version) = (crate::build::ToolName::Python, "3.11.2".parse().unwrap());
        let python = crate::build::Tool { name, version, origin };
        let available = Toolchains { tools: vec![python], ..Toolchains::default() };
        let plan = plan(&tree, &Manifests::parse(&texts).unwrap(), &available)?;
        let request = Request {
            home: &self.home,
            app: &self.app,
            plan: &plan,
            workspace,
            user: None,
            source_date_epoch: 0,
            cancel: &self.cancel,
            like: None,
        };
        build_it(&request, exec, &mut |_| {})
    }
}

#[test]
fn a_damaged_description_is_named() {
    let world = World::new();
    let digest = Digest::of(b"x");
    std::fs::create_dir_all(world.home.build(&digest)).unwrap();
    std::fs::write(world.home.build(&digest).join("build.json"), "{").unwrap();
    let failure = Description::read(&world.home, &digest).unwrap_err();
    assert!(failure.message.ends_with("build.json is damaged"), "{failure}");
}

#[test]
fn a_removed_build_is_gone_and_can_be_built_again() {
    let world = World::new();
    let built = world.build(&[("page", "hello")], site(), &mut generate).0.unwrap();
    for _ in 0..2 {
        crate::build::remove(&world.home, &built.digest).unwrap();
        assert!(!world.home.build(&built.digest).exists());
    }
    assert_eq!(world.left_in_tmp(), 0);
    let again = world.build(&[("page", "hello")], site(), &mut generate).0.unwrap();
    assert_eq!(again.digest, built.digest);
}
