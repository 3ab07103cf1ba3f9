//! `xii releases [info v7 | diff v3 v7 | verify]`

use crate::app::{DeployRef, Failure, ReleaseNumber};
use crate::cli::client::{Client, query};
use crate::cli::target::{path, target};
use crate::cli::ui::{BOLD, DIM, ago, paint, table};
use crate::cli::{Invocation, Outcome};
use crate::server::api::{DeployInfo, ReleaseDiff, ReleaseInfo, Verified};
use clap::{Args, Subcommand};
use jiff::Timestamp;

#[derive(Debug, Args)]
pub struct ReleasesArgs {
    /// How many, of the newest [default: 20; with --json all]
    #[arg(short = 'n', long = "num", value_name = "NUMBER")]
    number: Option<u32>,
    #[command(subcommand)]
    command: Option<ReleasesCommand>,
}

#[derive(Debug, Subcommand)]
enum ReleasesCommand {
    /// What is in a release
    Info {
        /// [default: the current one]
        release: Option<ReleaseNumber>,
    },
    /// What differs between two releases; config by names only
    Diff { from: ReleaseNumber, to: ReleaseNumber },
    /// Check that no release, and no file of a build, was changed after it was made
    Verify,
}

pub async fn run(args: &ReleasesArgs, to: &Invocation) -> Outcome {
    let client = to.client()?;
    let deploy = target(to, &client).await?;
    match args.command {
        None => list(to, &client, &deploy, args.number).await,
        Some(ReleasesCommand::Info { release }) => info(to, &client, &deploy, release).await,
        Some(ReleasesCommand::Diff { from, to: until }) => {
            diff(to, &client, &deploy, from, until).await
        }
        Some(ReleasesCommand::Verify) => verify(to, &client, &deploy).await,
    }
}

/// Of a table; a person looks for a recent one.
const SHOWN: u32 = 20;

async fn list(
    to: &Invocation,
    client: &Client,
    deploy: &DeployRef,
    number: Option<u32>,
) -> Outcome {
    let last = number.or((!to.ui.is_json()).then_some(SHOWN));
    let which = last.map_or(String::new(), |last| format!("?last={last}"));
    let releases: Vec<ReleaseInfo> =
        client.get(&path(deploy, &format!("/releases{which}"))).await?;
    if releases.is_empty() && !to.ui.is_json() {
        to.ui.say(&format!("{deploy} has no release yet"));
        return Ok(0);
    }
    to.ui.show(&releases, |releases| releases_table(releases, Timestamp::now(), to.ui.width()));
    Ok(0)
}

fn releases_table(releases: &[ReleaseInfo], now: Timestamp, width: Option<u16>) -> String {
    let row = |release: &ReleaseInfo| {
        let status = match release.current {
            true => "current".to_string(),
            false if release.status == "active" => String::new(),
            false => release.status.clone(),
        };
        let subject = release.subject.clone().unwrap_or_default();
        let when = ago(release.created_at, now);
        vec![
            release.number.to_string(),
            status,
            release.reason.clone(),
            when,
            release.by.clone(),
            subject,
        ]
    };
    let headings = ["RELEASE", "", "REASON", "MADE", "BY", "COMMIT"];
    table(&headings, releases.iter().map(row).collect(), width)
}

async fn info(
    to: &Invocation,
    client: &Client,
    deploy: &DeployRef,
    number: Option<ReleaseNumber>,
) -> Outcome {
    let release = match number {
        Some(number) => client.get(&path(deploy, &format!("/releases/{}", number.0))).await?,
        None => current(client, deploy).await?,
    };
    to.ui.show(&release, |release| info_text(deploy, release, Timestamp::now()));
    Ok(0)
}

async fn current(client: &Client, deploy: &DeployRef) -> Result<ReleaseInfo, Failure> {
    let info: DeployInfo = client.get(&path(deploy, "")).await?;
    let number = info.release.ok_or_else(|| {
        Failure::platform(format!("{deploy} has no release yet")).next("xii deploy")
    })?;
    Ok(client.get(&path(deploy, &format!("/releases/{}", number.0))).await?)
}

fn info_text(deploy: &DeployRef, release: &ReleaseInfo, now: Timestamp) -> String {
    let title = format!("{deploy} {}", release.number);
    let status = if release.current { "current" } else { &release.status };
    let mut lines = vec![format!("{}  {status}", paint(BOLD, &title))];
    let mut line = |name: &str, text: String| {
        lines.push(format!("  {} {text}", paint(DIM, &format!("{name:<9}"))));
    };
    line("reason", release.reason.clone());
    line("made", format!("{} by {}", ago(release.created_at, now), release.by));
    if let Some(why) = &release.why_failed {
        line("failed", why.clone());
    }
    if let Some(commit) = &release.commit {
        let dirty = if release.dirty { " with uncommitted changes" } else { "" };
        let branch = release.branch.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
        line("commit", format!("{commit}{branch}{dirty}"));
        line("", release.subject.clone().unwrap_or_default());
    }
    line("build", release.build.clone().unwrap_or_else(|| "none".into()));
    line("stack", release.stack.clone());
    for (process_type, command) in &release.commands {
        line("process", format!("{process_type}  {}", paint(DIM, command)));
    }
    line("config", release.config_names.join(", "));
    lines.join("\n")
}

async fn diff(
    to: &Invocation,
    client: &Client,
    deploy: &DeployRef,
    from: ReleaseNumber,
    until: ReleaseNumber,
) -> Outcome {
    let range = query(&[("from", &from.0.to_string()), ("to", &until.0.to_string())]);
    let diff: ReleaseDiff = client.get(&path(deploy, &format!("/releases/diff?{range}"))).await?;
    if diff.lines.is_empty() {
        to.ui.say(&format!("{from} and {until} are identical"));
    }
    to.ui.show(&diff, |diff| diff.lines.join("\n"));
    Ok(0)
}

async fn verify(to: &Invocation, client: &Client, deploy: &DeployRef) -> Outcome {
    let verified: Verified = client.get(&path(deploy, "/releases/verify")).await?;
    to.ui.show(&verified, |verified| match verified.problems.is_empty() {
        true => format!(
            "{} releases, unbroken; {} builds as they were built",
            verified.releases, verified.builds
        ),
        false => verified.problems.join("\n"),
    });
    Ok(u8::from(!verified.problems.is_empty()))
}
