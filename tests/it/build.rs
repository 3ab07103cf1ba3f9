//! Whole builds: real tools, real sandboxes, real packages.

use crate::planned::planned;
use crate::stage::{skip_without_root, xii};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use xii::app::{AppName, Failure, ManifestTexts, Manifests};
use xii::build::{
    Bounds, Build, Confined, Confinement, Event, Fetch, Plan, Request, Stop, TIME_LIMIT,
    Toolchains, Tree, Workspace, app_folder, build, fetch, plan,
};
use xii::keeper::Cancel;
use xii::sandbox::cgroup::Hierarchies;
use xii::sandbox::{Level, User};
use xii::store::Home;

static NEXT: AtomicU64 = AtomicU64::new(1);

pub struct World {
    _dir: tempfile::TempDir,
    pub home: Home,
    app: AppName,
    pub user: User,
    cancel: Cancel,
    time_limit: Duration,
}

impl World {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::open(&dir.path().join("home"), &dir.path().join("run")).unwrap();
        let uid = 97_000 + NEXT.fetch_add(1, Ordering::Relaxed) as u32;
        let app = "guestbook".parse().unwrap();
        let (user, cancel) = (User { uid, gid: uid }, Cancel::new().unwrap());
        World { _dir: dir, home, app, user, cancel, time_limit: TIME_LIMIT }
    }

    pub fn run(&self, command: &Confined, line: &mut dyn FnMut(&str)) -> Result<i32, Failure> {
        let confinement = Confinement {
            exe: xii(),
            home: &self.home,
            app: &self.app,
            level: Level::Full,
            user: self.user.clone(),
            limits: Some(Bounds::default().limits()),
            bounds: Bounds { time: self.time_limit, ..Bounds::default() },
            cancel: &self.cancel,
            deadline: Instant::now() + self.time_limit,
        };
        confinement.run(NEXT.fetch_add(1, Ordering::Relaxed), command, line)
    }

    pub fn build(
        &self,
        files: &[(&str, &str)],
        procfile: Option<&str>,
        path: &str,
    ) -> (Result<Build, Failure>, Vec<Event>) {
        let mut events = Vec::new();
        let built = self.try_build(files, procfile, path, &mut |event| events.push(event));
        (built, events)
    }

    fn try_build(
        &self,
        files: &[(&str, &str)],
        procfile: Option<&str>,
        path: &str,
        said: &mut dyn FnMut(Event),
    ) -> Result<Build, Failure> {
        let workspace = Workspace::new(&self.home)?;
        for (name, text) in files {
            std::fs::write(workspace.source().join(name), text).unwrap();
        }
        let xii_toml = files.iter().find(|(name, _)| *name == "xii.toml");
        let texts = ManifestTexts {
            procfile: procfile.map(String::from),
            xii_toml: xii_toml.map(|(_, text)| text.to_string()),
            ..ManifestTexts::default()
        };
        let mut exec = |command: &Confined, line: &mut dyn FnMut(&str)| self.run(command, line);
        let plan = planned(self, &workspace, &Manifests::parse(&texts).unwrap(), path)?;
        let request = Request {
            home: &self.home,
            app: &self.app,
            plan: &plan,
            workspace,
            user: Some(self.user.clone()),
            source_date_epoch: 1_700_000_000,
            cancel: &self.cancel,
        };
        build(&request, &mut exec, said)
    }

    /// No file, process or cgroup of a build.
    pub fn nothing_is_left(&self) {
        assert_eq!(std::fs::read_dir(self.home.tmp()).unwrap().count(), 0);
        assert_eq!(crate::stage::processes_of(self.user.uid), Vec::<String>::new());
        let left = Hierarchies::of_this_machine().list(&format!("xii-{}", self.home.id()));
        assert!(left.is_empty(), "{left:?}");
    }
}

impl Drop for World {
    fn drop(&mut self) {
        Hierarchies::of_this_machine().cgroup(&format!("xii-{}", self.home.id())).remove();
    }
}

const PYTHON: [(&str, &str); 3] = [
    (
        "requirements.txt",
        "six==1.16.0 --hash=sha256:8abb2f1d86890a2dfb989f9a77cfcfd3e47c2a354b01111771326f8aa26e0254\n",
    ),
    (
        "app.py",
        "import six\nNAMES = {'a', 'b', 'c'}\nprint('x' in {'a', 'b', 'c'}, six.__version__)\n",
    ),
    ("Procfile", "web: python app.py\n"),
];

/// The PATH these tests were started with, for toolchains of this machine.
#[expect(clippy::disallowed_methods, reason = "a test is its own edge")]
fn path() -> String {
    std::env::var("PATH").unwrap_or_default()
}

#[test]
fn the_same_python_app_built_twice_on_two_paths_is_one_digest() {
    let test = "the_same_python_app_built_twice_on_two_paths_is_one_digest";
    if skip_without_root(test) {
        return;
    }
    let worlds = [World::new(), World::new()];
    let mut digests = Vec::new();
    for world in &worlds {
        let (built, events) = world.build(&PYTHON, Some("web: python app.py"), "");
        let built = match built {
            Err(failure) if cannot_be_tried(&failure) => {
                return eprintln!("SKIP {test}: {failure}");
            }
            built => built.unwrap_or_else(|failure| panic!("{failure}: {events:?}")),
        };
        let app = app_folder(&world.home, &built.digest);
        assert!(app.join("__pycache__").is_dir(), "the app's own modules are compiled");
        digests.push(built.digest);
        world.nothing_is_left();
    }
    assert_eq!(digests[0], digests[1]);
    let (again, _) = worlds[0].build(&PYTHON, Some("web: python app.py"), "");
    let again = again.unwrap();
    assert_eq!(again.digest, digests[0], "with its dependencies from the layer");
    assert!(
        again.phases.iter().any(|phase| phase.cached && phase.name.starts_with("dependencies"))
    );
}

#[test]
fn a_python_below_a_private_home_is_copied_and_runs_for_another_user() {
    let test = "a_python_below_a_private_home_is_copied_and_runs_for_another_user";
    if skip_without_root(test) {
        return;
    }
    let found = Toolchains::find(&path());
    let server =
        |python: &&xii::build::Tool| matches!(python.origin, xii::build::Origin::Server { .. });
    let Some(python) = found.tools.iter().find(server) else {
        return eprintln!("SKIP {test}: no Python on the PATH besides the stack's");
    };
    let world = World::new();
    let version = format!("{}\n", python.version);
    let files = [PYTHON[0], PYTHON[1], (".python-version", version.as_str())];
    let (built, events) = world.build(&files, Some("web: python app.py"), &path());
    let built = built.unwrap_or_else(|failure| panic!("{failure}: {events:?}"));
    let mut command = Confined::new(vec!["python".into(), "/app/app.py".into()]);
    command.mounts = built.description.mounts(&world.home, &built.digest);
    command.env.insert("PATH".into(), built.description.path());
    let mut said = Vec::new();
    let exit = world.run(&command, &mut |line| said.push(line.to_string())).unwrap();
    assert_eq!((exit, said.join("\n").as_str()), (0, "False 1.16.0"));
    world.nothing_is_left();
}

#[test]
fn a_build_command_runs_and_its_lines_come_while_it_runs() {
    if skip_without_root("a_build_command_runs_and_its_lines_come_while_it_runs") {
        return;
    }
    let world = World::new();
    // The second line is printed only when somebody has answered the first.
    let toml = "[build]\ncommand = \"echo one; until [ -e /cache/answer ]; do sleep 0.01; done; mkdir public; id -un > public/index.html\"\noutput = \"public\"\n";
    let answer = world.home.cache(&world.app).join("tools/answer");
    let built = world.try_build(&[("xii.toml", toml)], None, "", &mut |event| {
        if event == (Event::Output { line: "one".into() }) {
            std::fs::write(&answer, "").unwrap();
        }
    });
    let built = built.unwrap();
    let page = app_folder(&world.home, &built.digest).join("public/index.html");
    assert_eq!(std::fs::read_to_string(page).unwrap(), "app\n");
    world.nothing_is_left();
}

#[test]
fn a_build_sees_neither_the_servers_environment_nor_its_files() {
    if skip_without_root("a_build_sees_neither_the_servers_environment_nor_its_files") {
        return;
    }
    let world = World::new();
    let secret = world.home.dir().join("key");
    std::fs::write(&secret, "secret").unwrap();
    let command = format!(
        "env | sort; umask; ls {} 2>&1 || true; ls -A / | tr '\\\\n' ' '",
        secret.display()
    );
    let toml = format!("[build]\ncommand = \"{command}\"\n");
    let (built, events) = world.build(&[("xii.toml", toml.as_str())], Some("web: true"), "");
    built.unwrap();
    let text: String = events.iter().map(|event| format!("{event}\n")).collect();
    for wanted in
        ["SOURCE_DATE_EPOCH=1700000000", "HOME=/tmp/home", "       0022\n", "No such file"]
    {
        assert!(text.contains(wanted), "{wanted} is not in {text}");
    }
    for unwanted in ["CARGO_MANIFEST", "XII_"] {
        assert!(!text.contains(unwanted), "{unwanted} is in {text}");
    }
}

#[test]
fn the_bundled_examples_build() {
    let test = "the_bundled_examples_build";
    if skip_without_root(test) {
        return;
    }
    for (name, expected) in [("guestbook", "app.py"), ("static", "index.html")] {
        let world = World::new();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name);
        let mut files = Vec::new();
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_string();
            files.push((name, std::fs::read_to_string(&path).unwrap()));
        }
        let files: Vec<_> =
            files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        let procfile = files.iter().find(|(name, _)| *name == "Procfile").map(|(_, text)| *text);
        let (built, events) = world.build(&files, procfile, &path());
        let built = match built {
            Err(failure) if cannot_be_tried(&failure) => {
                return eprintln!("SKIP {test}: {failure}");
            }
            built => built.unwrap_or_else(|failure| panic!("{failure}: {events:?}")),
        };
        assert!(app_folder(&world.home, &built.digest).join(expected).exists());
        let warned = events
            .iter()
            .any(|event| matches!(event, Event::Warning { text } if text.contains("not in")));
        assert!(!warned, "an example locks everything: {events:?}");
        world.nothing_is_left();
    }
}

#[test]
fn a_module_of_the_app_named_like_pythons_own_does_not_break_its_build() {
    let test = "a_module_of_the_app_named_like_pythons_own_does_not_break_its_build";
    if skip_without_root(test) {
        return;
    }
    let world = World::new();
    let evil = "raise SystemExit('the app ran')\n";
    let files =
        [("requirements.txt", ""), ("venv.py", evil), ("email.py", evil), ("compileall.py", evil)];
    let (built, events) = world.build(&files, Some("web: true"), "");
    match built {
        Err(failure) if cannot_be_tried(&failure) => eprintln!("SKIP {test}: {failure}"),
        built => assert!(built.is_ok(), "{built:?}: {events:?}"),
    }
}

/// What a machine may lack: a Python with venv, or a way to the package registry.
pub fn cannot_be_tried(failure: &Failure) -> bool {
    let no_way = failure.next.as_ref().is_some_and(|next| next.contains("cannot reach"));
    no_way || failure.message.contains("no usable Python")
}

#[test]
fn a_cancelled_build_ends_and_leaves_nothing() {
    if skip_without_root("a_cancelled_build_ends_and_leaves_nothing") {
        return;
    }
    let world = World::new();
    let toml = "[build]\ncommand = \"echo started; sleep 1000\"\n";
    let cancel = world.cancel.clone();
    let built = world.try_build(&[("xii.toml", toml)], Some("web: true"), "", &mut |event| {
        if event == (Event::Output { line: "started".into() }) {
            cancel.cancel();
        }
    });
    assert_eq!(built.unwrap_err().message, "the build was cancelled");
    world.nothing_is_left();
}

#[test]
fn a_build_past_its_time_is_ended_and_the_app_is_to_blame() {
    if skip_without_root("a_build_past_its_time_is_ended_and_the_app_is_to_blame") {
        return;
    }
    let mut world = World::new();
    world.time_limit = Duration::from_millis(300);
    let toml = "[build]\ncommand = \"sleep 1000\"\n";
    let failure = world.build(&[("xii.toml", toml)], Some("web: true"), "").0.unwrap_err();
    assert_eq!(failure.exit_code(), 3, "{failure}");
    world.nothing_is_left();
}

#[test]
fn a_package_that_does_not_exist_and_a_wrong_hash_are_the_apps_fault() {
    let test = "a_package_that_does_not_exist_and_a_wrong_hash_are_the_apps_fault";
    if skip_without_root(test) {
        return;
    }
    let world = World::new();
    let wrong = format!("six==1.16.0 --hash=sha256:{}\n", "0".repeat(64));
    for (list, words) in
        [("xii-no-such-package-1234==1.0\n", "check the name"), (wrong.as_str(), "lock again")]
    {
        let failure = match world.build(&[("requirements.txt", list)], Some("web: true"), "").0 {
            Err(failure) if cannot_be_tried(&failure) => {
                return eprintln!("SKIP {test}: {failure}");
            }
            built => built.unwrap_err(),
        };
        assert_eq!(failure.exit_code(), 3, "{failure}");
        assert!(failure.next.as_ref().is_some_and(|next| next.contains(words)), "{failure:?}");
    }
    assert!(!Path::new(&world.home.builds()).read_dir().unwrap().any(|_| true));
    world.nothing_is_left();
}
