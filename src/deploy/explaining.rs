//! `--explain`: what the next build would make again, and why. Nothing is done.

use super::Platform;
use super::building::tree_id;
use super::planning::{Planned, plan_build};
use crate::app::{AppName, Failure};
use crate::build::{self, Explanation, Workspace, build_key};
use crate::codebase::Facts;

/// A line for each step, against the app's last build that was made on this server.
pub fn explain_build(
    platform: &Platform,
    app: &AppName,
    facts: &Facts,
    workspace: &Workspace,
) -> Result<Vec<Explanation>, Failure> {
    let host = platform.host();
    let plan = match plan_build(platform, workspace)? {
        Planned::Ready(plan) => plan,
        Planned::Needs { needs } => {
            let why = vec!["it is not on this server yet; the rest follows from it".to_string()];
            return Ok(vec![Explanation { step: format!("fetch {needs}"), runs: true, why }]);
        }
    };
    let cache = host.home.cache(app);
    let files = build::source_files(&workspace.source())?;
    let mut now = build::explain_facts(&host.home, &cache, &plan, files);
    if !facts.dirty {
        let known = host.ledger.build_by_key(&build_key(&plan, &tree_id(facts)))?;
        now.taken = known.map(|known| known.digest);
    }
    Ok(build::explain(build::last_build(&cache).as_ref(), &plan, &now))
}
