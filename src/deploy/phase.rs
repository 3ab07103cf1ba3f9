//! The release phase: the `release` command of the new release, before anything of it runs.

use super::{Journal, Platform};
use crate::app::{DeployRef, Failure, ProcessType};
use crate::keeper::Exit;
use crate::logs::{self, Filter, Line, Source, Start, Tail};
use crate::release::Release;
use crate::run::{OneOff, Stdio};
use crate::store::OneOffKind;
use jiff::Timestamp;
use std::path::PathBuf;
use std::time::Duration;

const SIGTERM: i32 = 15;
/// The ledger tells nobody when a row changes.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

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
    wait_for_earlier(platform, journal, &release.deploy).await?;
    let phase = journal.phase("release phase");
    let exit = attend(platform, journal, release, OneOffKind::Release, argv).await?;
    if let Some(why) = exit.unmade() {
        return Err(Failure::platform("the release phase could not be started").why(why));
    }
    if exit.status() != 0 {
        return Err(Failure::app(format!("the release phase failed: exit {}", exit.status()))
            .next("its output is above, and in `xii logs`"));
    }
    phase.done("exit 0");
    Ok(())
}

/// Runs a command of the change itself in the release, to its end.
pub(super) async fn attend(
    platform: &Platform,
    journal: &Journal,
    release: &Release,
    kind: OneOffKind,
    argv: Vec<String>,
) -> Result<Exit, Failure> {
    let host = platform.host();
    let runnable = host.runnable(&release.deploy, release.number)?;
    let began = Timestamp::now();
    let one_off = OneOff::start(host, &runnable, kind, argv, Vec::new(), Stdio::Log).await?;
    let what = match kind {
        OneOffKind::Release => "the release phase",
        OneOffKind::Postdeploy => "the postdeploy script",
        OneOffKind::Run => "the command",
    };
    let filter = Filter { source: None, process: Some(one_off.id.name()) };
    let dir = host.home.deploy_logs(&release.deploy);
    let output = Output { dir, filter, began, printed: 0 };
    let exit = follow(one_off, output, journal).await?;
    match journal.is_cancelled() {
        false => Ok(exit),
        true => Err(Failure::platform(format!("cancelled during {what}"))
            .why(format!("it was sent SIGTERM and ended: exit {}", exit.status()))),
    }
}

/// Never two at once: one that was started by a server before this one is waited for. Its
/// end is written into the ledger by whoever re-attached to it.
async fn wait_for_earlier(
    platform: &Platform,
    journal: &Journal,
    deploy: &DeployRef,
) -> Result<(), Failure> {
    let runs = || -> Result<bool, Failure> {
        let running = platform.host().ledger.running_one_offs()?;
        Ok(running.iter().any(|(of, one)| of == deploy && one.kind == OneOffKind::Release))
    };
    if runs()? {
        journal.note("an interrupted release phase still runs; waiting for its end");
    }
    while runs()? {
        tokio::select! {
            () = tokio::time::sleep(LOOK_AGAIN) => {}
            () = journal.cancelled() => {
                return Err(Failure::platform("cancelled before the release phase"));
            }
        }
    }
    Ok(())
}

async fn follow(one_off: OneOff, mut output: Output, journal: &Journal) -> Result<Exit, Failure> {
    let (signals, wanted) = tokio::sync::mpsc::channel(1);
    let start = Start::Since(output.began);
    let mut tail = Tail::open(&output.dir, output.filter.clone(), start)?;
    let wait = one_off.wait(wanted);
    tokio::pin!(wait);
    let mut told = false;
    let exit = loop {
        tokio::select! {
            exit = &mut wait => break exit?,
            lines = tail.next() => output.print(lines?, journal),
            () = journal.cancelled(), if !told => {
                told = true;
                // It is asked to end and waited for: only it knows what is half done.
                let _ = signals.try_send(SIGTERM);
            }
        }
    };
    drop(tail);
    output.print_rest(journal).await?;
    Ok(exit)
}

/// What the phase has written, and how much of it the journal has.
struct Output {
    dir: PathBuf,
    filter: Filter,
    began: Timestamp,
    printed: usize,
}

/// More than this of a phase that has ended is in the log alone.
const MOST_LINES: usize = 10_000;

impl Output {
    fn print(&mut self, lines: Vec<Line>, journal: &Journal) {
        for line in lines.iter().filter(|line| Source::of(&line.label) == Source::App) {
            journal.output(format!("       {}", String::from_utf8_lossy(&line.text)));
            self.printed += 1;
        }
    }

    /// The keeper has written everything before it tells the end, but a tail may not have
    /// come to it yet.
    async fn print_rest(&mut self, journal: &Journal) -> Result<(), Failure> {
        let (dir, filter) = (self.dir.clone(), self.filter.clone());
        let read = tokio::task::spawn_blocking(move || logs::last(&dir, MOST_LINES, &filter));
        let mut lines =
            read.await.map_err(|error| Failure::internal("reading broke off").because(error))??;
        lines.retain(|line| line.at >= self.began && Source::of(&line.label) == Source::App);
        lines.drain(..self.printed.min(lines.len()));
        self.print(lines, journal);
        Ok(())
    }
}
