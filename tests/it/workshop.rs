//! Where whole builds are tried out: a home and a user of their own, real sandboxes.

use crate::stage::xii;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use xii::app::{AppName, Failure, ManifestTexts, Manifests};
use xii::build::{
    Bounds, Build, Confined, Confinement, Event, Fetch, Request, Stop, TIME_LIMIT, Tool,
    Toolchains, Tree, Wish, Workspace, build, fetch, plan,
};
use xii::keeper::Cancel;
use xii::sandbox::cgroup::Hierarchies;
use xii::sandbox::{Level, User};
use xii::store::Home;

static NEXT: AtomicU64 = AtomicU64::new(1);

pub struct World {
    _dir: tempfile::TempDir,
    pub home: Home,
    pub app: AppName,
    user: User,
    pub cancel: Cancel,
    pub time_limit: Duration,
    pub commit_time: i64,
}

impl World {
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::open(&dir.path().join("home"), &dir.path().join("run")).unwrap();
        let uid = 97_000 + NEXT.fetch_add(1, Ordering::Relaxed) as u32;
        let app = "guestbook".parse().unwrap();
        let (user, cancel) = (User { uid, gid: uid }, Cancel::new().unwrap());
        World {
            _dir: dir,
            home,
            app,
            user,
            cancel,
            time_limit: TIME_LIMIT,
            commit_time: 1_700_000_000,
        }
    }

    pub fn run(&self, command: &Confined, line: &mut dyn FnMut(&str)) -> Result<i32, Failure> {
        let confinement = Confinement {
            exe: xii(),
            home: &self.home,
            app: &self.app,
            level: Level::Full,
            user: self.user.clone(),
            limits: Some(Bounds::default().limits()),
            guarded: false,
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

    pub fn try_build(
        &self,
        files: &[(&str, &str)],
        procfile: Option<&str>,
        path: &str,
        said: &mut dyn FnMut(Event),
    ) -> Result<Build, Failure> {
        let workspace = Workspace::new(&self.home)?;
        for (name, text) in files {
            let path = workspace.source().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        let xii_toml = files.iter().find(|(name, _)| *name == "xii.toml");
        let texts = ManifestTexts {
            procfile: procfile.map(String::from),
            xii_toml: xii_toml.map(|(_, text)| text.to_string()),
            ..ManifestTexts::default()
        };
        let mut exec = |command: &Confined, line: &mut dyn FnMut(&str)| self.run(command, line);
        let available = Toolchains::find(path).probe(&mut exec)?;
        let tree = Tree::read(&workspace.source())?;
        let manifests = Manifests::parse(&texts).unwrap();
        let plan = loop {
            let available = available.with_home(&self.home)?;
            let wish = match plan(&tree, &manifests, &available) {
                Ok(plan) => break plan,
                Err(Stop::Needs(wish)) => wish,
                Err(stop) => return Err(stop.into()),
            };
            self.fetch_with(&wish, &available)?;
        };
        let request = Request {
            home: &self.home,
            app: &self.app,
            plan: &plan,
            workspace,
            user: Some(self.user.clone()),
            source_date_epoch: self.commit_time,
            cancel: &self.cancel,
            like: None,
        };
        build(&request, &mut exec, said)
    }

    pub fn fetch(&self, wish: &Wish) -> Result<Tool, Failure> {
        self.fetch_with(wish, &Toolchains::default())
    }

    pub fn fetch_with(&self, wish: &Wish, available: &Toolchains) -> Result<Tool, Failure> {
        let request = Fetch { home: &self.home, wish, available, user: Some(&self.user) };
        let mut exec = |command: &Confined, line: &mut dyn FnMut(&str)| self.run(command, line);
        fetch(&request, &mut exec, &mut |_| {})
    }

    /// Gives a folder to the user of the builds.
    pub fn own(&self, folder: &Path) {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match path.is_dir() {
                true => self.own(&path),
                false => std::os::unix::fs::chown(&path, Some(self.user.uid), None).unwrap(),
            }
        }
        std::os::unix::fs::chown(folder, Some(self.user.uid), None).unwrap();
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

/// The PATH these tests were started with, for toolchains of this machine.
#[expect(clippy::disallowed_methods, reason = "a test is its own edge")]
pub fn path() -> String {
    std::env::var("PATH").unwrap_or_default()
}

/// What a machine may lack: a Python with venv, or a way to the package registry.
pub fn cannot_be_tried(failure: &Failure) -> bool {
    let no_way = failure.next.as_ref().is_some_and(|next| next.contains("cannot reach"));
    no_way || failure.message.contains("no usable Python")
}
