//! The release phase: the `release` command of the new release, before anything of it runs.

use super::{Journal, Platform};
use crate::app::{DeployRef, Failure, ProcessType};
use crate::logs::{Filter, Line, Source, Start, Tail};
use crate::release::Release;
use crate::run::{OneOff, Stdio};
use crate::store::OneOffKind;
use jiff::Timestamp;
use std::time::Duration;

/// How long the last lines may take from the log to the journal.
const LAST_LINES: Duration = Duration::from_secs(2);

/// Runs it, if there is one. Its output is in the log and in the journal.
pub(super) async fn release_phase(
    platform: &Platform,
    journal: &Journal,
    release: &Release,
) -> Result<(), Failure> {
    let host = platform.host();
    if !release.commands.contains_key(&ProcessType::release()) {
        return Ok(());
    }
    let runnable = host.runnable(&release.deploy, release.number)?;
    let Some(argv) = runnable.argv(&ProcessType::release()) else { return Ok(()) };
    let phase = journal.phase("release phase");
    let began = Timestamp::now();
    let kind = OneOffKind::Release;
    let one_off = OneOff::start(host, &runnable, kind, argv, Vec::new(), Stdio::Log).await?;
    let name = one_off.id.name();
    let (_signals, no_signals) = tokio::sync::mpsc::channel(1);
    let mut tail = tail(platform, &release.deploy, &name, began)?;
    let wait = one_off.wait(no_signals);
    tokio::pin!(wait);
    let mut ended = false;
    let exit = loop {
        tokio::select! {
            exit = &mut wait => break exit?,
            lines = tail.next() => ended |= print(journal, &lines?),
        }
    };
    // The keeper has written everything down before it said that it is over, so the rest
    // comes at once; it is in the log in any case.
    while !ended && let Ok(lines) = tokio::time::timeout(LAST_LINES, tail.next()).await {
        ended = print(journal, &lines?);
    }
    if exit.status() != 0 {
        return Err(Failure::app(format!("the release phase failed: exit {}", exit.status()))
            .next("its output is above, and in `xii logs`"));
    }
    phase.done("exit 0");
    Ok(())
}

/// What the phase itself printed; true when the line of its end was among the lines.
fn print(journal: &Journal, lines: &[Line]) -> bool {
    let mut ended = false;
    for line in lines {
        let text = String::from_utf8_lossy(&line.text);
        match Source::of(&line.label) {
            Source::App => journal.output(format!("       {text}")),
            _ => ended |= text.starts_with("Process exited"),
        }
    }
    ended
}

fn tail(
    platform: &Platform,
    deploy: &DeployRef,
    name: &str,
    from: Timestamp,
) -> Result<Tail, Failure> {
    let dir = platform.host().home.deploy_logs(deploy);
    let filter = Filter { source: None, process: Some(name.to_string()) };
    Tail::open(&dir, filter, Start::Since(from))
}
