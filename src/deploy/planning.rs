//! Before a build: the plan, and whatever the plan turns out to lack.

use super::building::{blocking, build_user, for_all_apps};
use super::{Journal, Platform};
use crate::app::{DeployName, Failure, ManifestTexts, Manifests};
use crate::build::stack::{self, Wanted};
use crate::build::{self, Below, Plan, Stop, Tool, Toolchains, Tree, Wish, Workspace};
use crate::keeper::Cancel;
use crate::run::Host;
use crate::sandbox::Level;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What is known before anything was fetched.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Planned {
    Ready(Box<Plan>),
    /// The rest can be said when this is here.
    Needs {
        needs: Wish,
    },
    NeedsStack {
        needs_stack: Wanted,
    },
}

impl std::fmt::Display for Planned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Planned::Ready(plan) => plan.fmt(f),
            Planned::Needs { needs } => {
                writeln!(f, "fetches    {needs}")?;
                writeln!(f, "           the rest is planned when it is here")
            }
            Planned::NeedsStack { needs_stack } => {
                writeln!(f, "makes      the stack {needs_stack}, once for this server")?;
                writeln!(f, "           the rest is planned when it is here")
            }
        }
    }
}

/// Decides what a build would do; nothing is run.
pub fn plan_build(
    platform: &Platform,
    deploy: &DeployName,
    workspace: &Workspace,
) -> Result<Planned, Failure> {
    let source = workspace.source();
    let manifests = Manifests::parse(&ManifestTexts::read(&source)?)?.for_deploy(deploy);
    let available = platform.toolchains()?.with_home(&platform.host().home)?;
    match build::plan(&Tree::read(&source)?, &manifests, &available) {
        Ok(plan) => Ok(Planned::Ready(Box::new(plan))),
        Err(Stop::Needs(needs)) => Ok(Planned::Needs { needs }),
        Err(Stop::NeedsStack(needs_stack)) => Ok(Planned::NeedsStack { needs_stack }),
        Err(Stop::Failed(failure)) => Err(failure),
    }
}

/// Of one plan: more tells of a wish that is fulfilled and made again.
const MOST_WISHES: usize = 8;

/// Plans, and fetches what the plan lacks, until nothing is missing.
pub(super) async fn plan_and_fetch(
    platform: &Platform,
    journal: &Arc<Journal>,
    deploy: &DeployName,
    workspace: &Workspace,
) -> Result<Plan, Failure> {
    for _ in 0..MOST_WISHES {
        if journal.is_cancelled() {
            return Err(Failure::platform("the build was cancelled"));
        }
        let wish = match plan_build(platform, deploy, workspace)? {
            Planned::Ready(plan) => {
                if let Below::Debian { run, build, .. } = &plan.stack {
                    stack::asked(&platform.host().home, &[*run, *build])?;
                }
                return Ok(*plan);
            }
            Planned::Needs { needs } => needs,
            Planned::NeedsStack { needs_stack } => {
                make_stack(platform, journal, needs_stack).await?;
                continue;
            }
        };
        let available = platform.toolchains()?.with_home(&platform.host().home)?;
        let cancel = Cancel::new()?;
        let work = Fetching {
            host: platform.host().clone(),
            journal: journal.clone(),
            available,
            wish,
            cancel: cancel.clone(),
        };
        blocking(journal, &cancel, move || work.run()).await?;
    }
    Err(Failure::internal("what a plan lacks was fetched, and the plan lacks it again"))
}

async fn make_stack(
    platform: &Platform,
    journal: &Arc<Journal>,
    wanted: Wanted,
) -> Result<(), Failure> {
    let (host, said) = (platform.host().clone(), journal.clone());
    let archive = platform.archive.clone();
    let cancel = Cancel::new()?;
    let ending = cancel.clone();
    let work = move || {
        said.output(format!("-----> making the stack {wanted}"));
        stack::make(&host.home, &archive, &wanted, &ending, &mut |line| {
            said.output(format!("       {line}"))
        })
    };
    blocking(journal, &cancel, work).await.map(drop)
}

/// What the blocking thread of a fetch owns.
struct Fetching {
    host: Arc<Host>,
    journal: Arc<Journal>,
    available: Toolchains,
    wish: Wish,
    cancel: Cancel,
}

impl Fetching {
    fn run(self) -> Result<Tool, Failure> {
        let Fetching { host, journal, available, wish, cancel } = &self;
        journal.output(format!("-----> fetching {wish}"));
        let user = build_user(host, None)?;
        let user = (host.level == Level::Full).then_some(&user);
        let request = build::Fetch { home: &host.home, wish, available, user };
        build::fetch(
            &request,
            &mut |command, line| for_all_apps(host, command, cancel, line),
            &mut |line| journal.output(format!("       {line}")),
        )
    }
}
