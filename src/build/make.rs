//! Running a plan: source → steps in the sandbox → plain files → a digest → its place.

use super::environment::{self, APP, CACHE};
use super::event::{Event, Phase};
use super::exec::Exec;
use super::explain::{self, Last, Line};
use super::files::{self, TmpDir, failed};
use super::language::Kind;
use super::plan::{Layer, Plan, Stage};
use super::python::pins;
use super::result::{self, Build, Description};
use super::stacks::{self, Mounted};
use super::steps::{self, Bench};
use super::tool::Origin;
use super::tree::Tree;
use super::{layer, room};
use crate::app::{AppName, Digest, Failure};
use crate::keeper::Cancel;
use crate::sandbox::{Mount, Root, User};
use crate::store::Home;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// The folder a build happens in; the caller unpacks the source into it. Gone when dropped.
#[derive(Debug)]
pub struct Workspace(TmpDir);

impl Workspace {
    pub fn new(home: &Home) -> Result<Self, Failure> {
        let workspace = Workspace(TmpDir::new(&home.tmp(), "build")?);
        for folder in [workspace.source(), workspace.tmp().join("home")] {
            fs::create_dir_all(&folder).map_err(failed("make", &folder))?;
        }
        Ok(workspace)
    }

    /// Becomes `/app`.
    pub fn source(&self) -> PathBuf {
        self.result().join("app")
    }

    fn result(&self) -> PathBuf {
        self.0.path().join("build")
    }

    /// Becomes `/tmp`: on the disk, for a compiler's leavings are no memory.
    fn tmp(&self) -> PathBuf {
        self.0.path().join("tmp")
    }
}

/// What to build, and as whom.
#[derive(Debug)]
pub struct Request<'a> {
    pub home: &'a Home,
    pub app: &'a AppName,
    pub plan: &'a Plan,
    pub workspace: Workspace,
    /// The user of the sandbox; `None` without root: everything is the caller's own.
    pub user: Option<User>,
    /// The commit's time, in seconds.
    pub source_date_epoch: i64,
    /// Set from outside to give up.
    pub cancel: &'a Cancel,
    /// A build of the same app: what is the same in both takes no more room.
    pub like: Option<Digest>,
}

/// Blocking. What it says goes to `said` as it happens; on any error nothing is left.
pub fn build(
    request: &Request<'_>,
    exec: &mut Exec<'_>,
    said: &mut dyn FnMut(Event),
) -> Result<Build, Failure> {
    room::room_to_build(request.home.dir())?;
    let cache = request.home.cache(request.app);
    fs::create_dir_all(&cache).map_err(failed("make", &cache))?;
    let _one_at_a_time = stacks::locked(&cache.join("lock"))?;
    for text in &request.plan.warnings {
        said(Event::Warning { text: text.clone() });
    }
    let files = explain::files(&request.workspace.source())?;
    let facts = explain::kept(request.home, &cache, request.plan, files.clone());
    let story =
        explain::read(&cache).map(|last| explain::explain(Some(&last), request.plan, &facts));
    let story = story.unwrap_or_default();
    let phases = Vec::new();
    let mut run = Run { request, cache, story, toolchains: Vec::new(), phases, exec, said };
    run.tools_ready()?;
    run.prepare()?;
    run.stages()?;
    let cache = run.cache.clone();
    let built = run.finish()?;
    explain::remember(&cache, &Last::new(request.plan.clone(), files))?;
    Ok(built)
}

struct Run<'a, 'e, 's> {
    request: &'a Request<'a>,
    cache: PathBuf,
    /// Why each stage runs; empty for a first build.
    story: Vec<Line>,
    toolchains: Vec<Mounted>,
    phases: Vec<Phase>,
    exec: &'a mut Exec<'e>,
    said: &'a mut (dyn FnMut(Event) + 's),
}

impl Run<'_, '_, '_> {
    fn tools_ready(&mut self) -> Result<(), Failure> {
        let tools = &self.request.plan.tools;
        tools.iter().filter(|tool| tool.mount().is_some()).try_for_each(|tool| {
            self.phase(format!("toolchain: {} {tool}", tool.name), |run| {
                let said = &mut *run.said;
                let user = run.request.user.as_ref();
                let mut line = |text: &str| said(Event::Output { line: text.to_string() });
                let mounted = stacks::ready(run.request.home, tool, user, run.exec, &mut line)?;
                // One of a registry is named by its digest already.
                let is_named = matches!(tool.origin, Origin::Registry { .. });
                if let Some(mounted) = mounted.as_ref().filter(|_| !is_named) {
                    line(&format!("{} is {}", mounted.name, mounted.digest.short()));
                }
                run.toolchains.extend(mounted);
                Ok(false)
            })
        })
    }

    /// The build's user owns what it writes, and nothing else does.
    fn prepare(&mut self) -> Result<(), Failure> {
        let tools = self.tools();
        fs::create_dir_all(&tools).map_err(failed("make", &tools))?;
        let Some(user) = &self.request.user else { return Ok(()) };
        files::give_to(&self.request.workspace.source(), user)?;
        files::give_to(&self.request.workspace.tmp(), user)?;
        files::give_to(&tools, user)
    }

    fn tools(&self) -> PathBuf {
        self.cache.join("tools")
    }

    /// A kept layer holds what the stages before it left in the same folder.
    fn stages(&mut self) -> Result<(), Failure> {
        let stages = &self.request.plan.stages;
        let home = self.request.home;
        for layer in stages.iter().filter_map(|stage| stage.layer.as_ref()) {
            if layer::drop_damaged(home, &self.cache, layer)? {
                let text = format!("what was kept of `{}` is damaged: made again", layer.path);
                (self.said)(Event::Warning { text });
            }
        }
        let kept = |layer: &&Layer| layer::find(home, &self.cache, layer).is_some();
        let is_held = |index: usize, stage: &Stage| {
            let path = stage.layer.as_ref().map(|layer| &layer.path);
            let mut later = stages[index + 1..].iter().filter_map(|stage| stage.layer.as_ref());
            path.is_some() && later.any(|layer| Some(&layer.path) == path && kept(&layer))
        };
        let wanted: Vec<&Stage> = stages
            .iter()
            .enumerate()
            .filter(|(index, stage)| !is_held(*index, stage))
            .map(|(_, stage)| stage)
            .collect();
        wanted.into_iter().try_for_each(|stage| self.stage(stage))
    }

    fn stage(&mut self, stage: &Stage) -> Result<(), Failure> {
        let (home, app) = (self.request.home, self.request.workspace.source());
        let user = self.request.user.as_ref();
        self.phase(self.title(stage), |run| {
            let Some(layer) = &stage.layer else {
                let bench = run.bench();
                return run.steps(stage, &bench).map(|()| false);
            };
            let kept = layer::find(home, &run.cache, layer);
            match &kept {
                Some(from) => layer::restore(from, layer, &app, user)?,
                None if layer.shared => {
                    let digest =
                        stacks::make(home, &layer.key, |root| run.shared(stage, layer, root))?;
                    layer::restore(&stacks::place(home, &digest), layer, &app, user)?;
                }
                None => {
                    let bench = run.bench();
                    run.steps(stage, &bench)?;
                    layer::keep(&run.cache, &home.tmp(), layer, &app)?;
                }
            }
            Ok(kept.is_some())
        })
    }

    /// What is made again although it could have been kept says why.
    fn title(&self, stage: &Stage) -> String {
        let line = self.story.iter().find(|line| line.step == stage.name && line.runs);
        let why = line.filter(|_| stage.layer.is_some()).map_or(&[][..], |line| &line.why);
        explain::title(&stage.name, why)
    }

    /// In an empty app of its own, without the app's caches and variables: what is made here
    /// goes into other apps.
    fn shared(&mut self, stage: &Stage, layer: &Layer, root: &Path) -> Result<(), Failure> {
        let workspace = Workspace::new(self.request.home)?;
        if let Some(user) = &self.request.user {
            files::give_to(workspace.0.path(), user)?;
        }
        let tools = &self.request.plan.tools;
        let mut bench = Bench {
            root: self.root(),
            env: environment::of_a_build(tools),
            mounts: self.mounts(&workspace),
        };
        bench.env.insert("SOURCE_DATE_EPOCH".into(), "0".into());
        self.steps(stage, &bench)?;
        let made = workspace.source().join(&layer.path);
        fs::rename(&made, root).map_err(failed("move", &made))?;
        if self.request.user.is_some() {
            files::give_to(root, &User { uid: 0, gid: 0 })?;
        }
        files::make_plain(root).map(drop)
    }

    fn steps(&mut self, stage: &Stage, bench: &Bench) -> Result<(), Failure> {
        for step in &stage.steps {
            self.check_cancelled()?;
            let said = &mut *self.said;
            let ended = steps::run(&bench.confined(step), self.exec, &mut |line| {
                said(Event::Output { line: line.to_string() });
            })?;
            self.check_cancelled()?;
            if ended.exit != 0 && !step.may_fail {
                return Err(steps::failure(stage, step, ended));
            }
        }
        Ok(())
    }

    fn bench(&self) -> Bench {
        let mut mounts = self.mounts(&self.request.workspace);
        mounts.push(Mount::ReadWrite { source: self.tools(), target: CACHE.into() });
        let mut env = self.request.plan.env.clone();
        env.insert("SOURCE_DATE_EPOCH".into(), self.request.source_date_epoch.to_string());
        Bench { root: self.root(), env, mounts }
    }

    fn root(&self) -> Root {
        stacks::root(self.request.home, self.request.plan.stack.build_root().as_ref())
    }

    fn mounts(&self, workspace: &Workspace) -> Vec<Mount> {
        let bind =
            |source: PathBuf, target: &str| Mount::ReadWrite { source, target: target.into() };
        let toolchains = self.toolchains.iter().map(|t| t.mount(self.request.home));
        toolchains.chain([bind(workspace.tmp(), "/tmp"), bind(workspace.source(), APP)]).collect()
    }

    fn finish(mut self) -> Result<Build, Failure> {
        let request = self.request;
        let app = request.workspace.source();
        if let Some(output) = &request.plan.output {
            check_output(&app, output)?;
        }
        if request.plan.languages.contains(&Kind::Python)
            && let Some(text) = pins::unlisted(&Tree::read(&app)?, &app)
        {
            (self.said)(Event::Warning { text });
        }
        let mut built = None;
        self.phase("storing the build".to_string(), |run| {
            let description = Description::of(request.plan, &run.toolchains);
            built = Some(result::store(
                request.home,
                &request.workspace.result(),
                &description,
                request.user.is_some(),
                request.like.as_ref(),
            )?);
            Ok(false)
        })?;
        let (digest, size) =
            built.ok_or_else(|| Failure::internal("a stored build has no digest"))?;
        Ok(Build {
            digest,
            size,
            phases: self.phases,
            description: Description::of(request.plan, &self.toolchains),
        })
    }

    /// Says when it starts and how long it took; `work` answers whether it was in the cache.
    fn phase(
        &mut self,
        name: String,
        work: impl FnOnce(&mut Self) -> Result<bool, Failure>,
    ) -> Result<(), Failure> {
        self.check_cancelled()?;
        (self.said)(Event::Started { phase: name.clone() });
        let start = Instant::now();
        let cached = work(self)?;
        let phase = Phase { name, millis: start.elapsed().as_millis() as u64, cached };
        (self.said)(Event::Finished { phase: phase.clone() });
        self.phases.push(phase);
        Ok(())
    }

    fn check_cancelled(&self) -> Result<(), Failure> {
        match self.request.cancel.is_cancelled() {
            true => Err(Failure::platform("the build was cancelled")),
            false => Ok(()),
        }
    }
}

/// A link may stand there, but not one that leaves the app.
fn check_output(app: &Path, output: &str) -> Result<(), Failure> {
    let inside = app.canonicalize().map_err(failed("find", app))?;
    let folder = app.join(output).canonicalize();
    match folder {
        Ok(folder) if folder.is_dir() && folder.starts_with(&inside) => Ok(()),
        _ => Err(Failure::app(format!("the build made no folder `{output}`"))
            .why("xii.toml names it: [build] output")
            .next("correct the name, or `[build] command` so that it makes the folder")),
    }
}

#[cfg(test)]
#[path = "make_tests.rs"]
mod tests;
