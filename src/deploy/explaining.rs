//! `--explain`: what the next build would make again, and why. Nothing is done.

use super::Platform;
use super::building::tree_id;
use super::planning::{Planned, plan_build};
use crate::app::{DeployRef, Failure};
use crate::build::{self, Explanation, Workspace, build_key};
use crate::codebase::Facts;

/// A line for each step, against the app's last build that was made on this server.
pub fn explain_build(
    platform: &Platform,
    deploy: &DeployRef,
    facts: &Facts,
    workspace: &Workspace,
) -> Result<Vec<Explanation>, Failure> {
    let host = platform.host();
    let plan = match plan_build(platform, &deploy.deploy, workspace)? {
        Planned::Ready(plan) => plan,
        Planned::Needs { needs } => return Ok(absent(format!("fetching {needs}"))),
        Planned::NeedsStack { needs_stack } => {
            return Ok(absent(format!("making the stack {}", needs_stack.suite)));
        }
    };
    let cache = host.home.cache(&deploy.app);
    let files = build::source_files(&workspace.source())?;
    let mut now = build::explain_facts(&host.home, &cache, &plan, files);
    if !facts.dirty {
        let known = host.ledger.build_by_key(&build_key(&plan, &tree_id(facts)))?;
        now.taken = known.map(|known| known.digest);
    }
    Ok(build::explain(build::last_build(&cache).as_ref(), &plan, &now))
}

fn absent(step: String) -> Vec<Explanation> {
    let why = vec!["it is not on this server yet; the rest follows from it".to_string()];
    vec![Explanation { step, runs: true, why }]
}
