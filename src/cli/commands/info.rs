//! `xii info`, `xii open`

use crate::cli::target::{path, target};
use crate::cli::ui::{BOLD, DIM, ago, paint};
use crate::cli::{Invocation, Outcome};
use crate::server::api::DeployInfo;
use jiff::Timestamp;

pub async fn run(to: &Invocation) -> Outcome {
    let client = to.client()?;
    let deploy = target(to, &client).await?;
    let info: DeployInfo = client.get(&path(&deploy, "")).await?;
    to.ui.show(&info, |info| text(info, Timestamp::now()));
    Ok(0)
}

pub async fn open(to: &Invocation) -> Outcome {
    let client = to.client()?;
    let deploy = target(to, &client).await?;
    let info: DeployInfo = client.get(&path(&deploy, "")).await?;
    to.ui.show(&info.url, String::clone);
    Ok(0)
}

fn text(info: &DeployInfo, now: Timestamp) -> String {
    let mut lines = vec![format!("{}  {}", paint(BOLD, &info.deploy.to_string()), info.state)];
    let mut line = |name: &str, text: String| {
        lines.push(format!("  {} {text}", paint(DIM, &format!("{name:<9}"))));
    };
    line("url", info.url.clone());
    match (info.release, info.released_at) {
        (Some(release), Some(then)) => line("release", format!("{release}, {}", ago(then, now))),
        (Some(release), None) => line("release", release.to_string()),
        (None, _) => line("release", "none yet".to_string()),
    }
    if let Some(commit) = &info.commit {
        let short = commit.get(..7).unwrap_or(commit);
        line("commit", format!("{short} {}", info.subject.as_deref().unwrap_or_default()));
    }
    line("stack", info.stack.clone());
    for (process_type, command) in &info.commands {
        let wanted = info.formation.get(process_type);
        let wanted = wanted.map(|number| format!(" ×{number}")).unwrap_or_default();
        line("process", format!("{process_type}{wanted}  {}", paint(DIM, command)));
    }
    line("made", ago(info.created_at, now));
    if let Some(operation) = &info.operation {
        line("changing", format!("operation {operation}; `xii follow` looks on"));
    }
    lines.join("\n")
}
