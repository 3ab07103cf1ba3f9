//! `xii stacks [upgrade [NAME] | prune | verify DIGEST]`

use crate::app::Failure;
use crate::cli::client::{Client, Ending, Followed, Interrupts, follow};
use crate::cli::ui::{ago, bytes, table};
use crate::cli::{Invocation, Outcome};
use crate::server::api::{Changed, StackInfo, StackName, Stacks, StacksUpgrade};
use clap::{Args, Subcommand};
use jiff::Timestamp;
use serde::Serialize;

#[derive(Debug, Args)]
pub struct StacksArgs {
    #[command(subcommand)]
    command: Option<StacksCommand>,
}

#[derive(Debug, Subcommand)]
enum StacksCommand {
    /// Make stacks of the newest packages; nothing that runs changes without --rebase
    Upgrade {
        /// Only this one, such as debian-12
        name: Option<String>,
        /// Move every deploy to the new stack: the same build, as a new release
        #[arg(long)]
        rebase: bool,
    },
    /// Remove the stacks that no release needs and no build asked for in the last 30 days
    Prune,
    /// Make a stack again from its kept packages, and compare
    Verify {
        /// The stack's digest, or its beginning
        digest: String,
    },
}

pub async fn run(args: &StacksArgs, to: &Invocation) -> Outcome {
    let client = to.client()?;
    match &args.command {
        None => list(to, &client).await,
        Some(StacksCommand::Upgrade { name, rebase }) => {
            let request = StacksUpgrade { name: name.clone(), rebase: *rebase };
            order(to, &client, "upgrade", &request).await
        }
        Some(StacksCommand::Prune) => order(to, &client, "prune", &serde_json::json!({})).await,
        Some(StacksCommand::Verify { digest }) => {
            order(to, &client, "verify", &StackName { digest: digest.clone() }).await
        }
    }
}

async fn order(to: &Invocation, client: &Client, verb: &str, request: &impl Serialize) -> Outcome {
    let changed: Changed = client.post(&format!("/v1/stacks/{verb}"), request).await?;
    if let Changed::Operation(id) = &changed {
        let mut interrupts = Interrupts::of_terminal();
        match follow(client, &to.ui, id, Ending::ServerStays, &mut interrupts).await? {
            Followed::Done(_) => {}
            Followed::Detached => {
                return Err(Failure::platform("left before the end; it goes on").next("xii stacks"));
            }
        }
    }
    if to.ui.is_json() {
        to.ui.json(&changed);
    }
    Ok(0)
}

async fn list(to: &Invocation, client: &Client) -> Outcome {
    let stacks: Stacks = client.get("/v1/stacks").await?;
    to.ui.show(&stacks, |stacks| stacks_table(stacks, Timestamp::now(), to.ui.width()));
    Ok(0)
}

fn stacks_table(stacks: &Stacks, now: Timestamp, width: Option<u16>) -> String {
    let row = |stack: &StackInfo| {
        let digest: String = stack.digest.chars().take(12).collect();
        vec![
            stack.name.clone(),
            digest,
            bytes(stack.size_bytes),
            ago(stack.made_at, now),
            used(stack.releases),
            if stack.newest { "newest".to_string() } else { String::new() },
            stack.declared.join(" "),
        ]
    };
    let mut rows: Vec<_> = stacks.stacks.iter().map(row).collect();
    let host = ["host", "–", "–", "–"].map(String::from).to_vec();
    let last = [used(stacks.host_releases), String::new(), stacks.host.clone()];
    rows.push([host, last.to_vec()].concat());
    table(&["STACK", "DIGEST", "SIZE", "MADE", "USED BY", "", "PACKAGES"], rows, width)
}

fn used(releases: u64) -> String {
    match releases {
        0 => "no release".to_string(),
        1 => "1 release".to_string(),
        count => format!("{count} releases"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stack_is_a_row_and_the_host_is_the_last() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let stack = StackInfo {
            name: "debian-12".into(),
            digest: "ab".repeat(32),
            declared: vec!["curl".into(), "libpq5".into()],
            packages: Default::default(),
            size_bytes: 110_000_000,
            made_at: now,
            newest: true,
            releases: 2,
            deploys: vec!["shop/production".into()],
        };
        let stacks = Stacks { host: "libc6 2.36".into(), host_releases: 1, stacks: vec![stack] };
        let text = anstream::adapter::strip_str(&stacks_table(&stacks, now, None)).to_string();
        let lines: Vec<Vec<&str>> =
            text.lines().map(|line| line.split_whitespace().collect()).collect();
        let expected = "debian-12 abababababab 110 MB just now 2 releases newest curl libpq5";
        assert_eq!(lines[1].join(" "), expected);
        assert_eq!(lines[2].join(" "), "host – – – 1 release libc6 2.36");
    }
}
