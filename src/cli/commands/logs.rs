//! `xii logs`

use crate::app::{DeployRef, Failure};
use crate::cli::client::{Client, Trouble, query};
use crate::cli::target::{path, target};
use crate::cli::ui::{DIM, harmless, label, paint};
use crate::cli::{Invocation, Outcome};
use clap::Args;
use std::time::Duration;

/// Looked at again after a cut, to find where it was.
const OVERLAP: u32 = 1_000;
const AWAY: Duration = Duration::from_secs(60);

#[derive(Debug, Args)]
pub struct LogsArgs {
    /// How many lines
    #[arg(short = 'n', long = "num", default_value_t = 100, value_name = "LINES")]
    lines: u32,
    /// Go on with lines as they come
    #[arg(short = 't', long, visible_short_alias = 'f')]
    tail: bool,
    /// Of a process type or an instance only, such as web or web.1
    #[arg(long, value_name = "PROCESS", visible_alias = "dyno")]
    ps: Option<String>,
    /// Of one source only: app, xii, router, …
    #[arg(long, value_name = "SOURCE")]
    source: Option<String>,
}

pub async fn run(args: &LogsArgs, to: &Invocation) -> Outcome {
    let client = to.client()?;
    let deploy = target(to, &client).await?;
    let mut printed = Printed::default();
    loop {
        match print(args, to, &client, &deploy, &mut printed).await {
            Ok(()) | Err(Trouble::Cut(_)) if args.tail && !to.ui.is_closed() => {
                to.ui.say("the server is away; waiting for it");
                returned(&client).await?;
                printed.catch_up();
            }
            Ok(()) => return Ok(0),
            Err(trouble) => return Err(trouble.into()),
        }
    }
}

async fn print(
    args: &LogsArgs,
    to: &Invocation,
    client: &Client,
    deploy: &DeployRef,
    printed: &mut Printed,
) -> Result<(), Trouble> {
    let number = if printed.lines == 0 { args.lines } else { OVERLAP };
    let mut lines = client.lines(&path(deploy, &address(args, number))).await?;
    loop {
        let line = lines.next().await.map_err(Trouble::Cut)?;
        match line {
            Some(line) if printed.is_new(&line) => to.ui.raw(&shown(&line, to.ui.out_has_colour())),
            Some(_) => {}
            None => return Ok(()),
        }
        if to.ui.is_closed() {
            return Ok(());
        }
    }
}

fn address(args: &LogsArgs, lines: u32) -> String {
    let number = lines.to_string();
    let mut pairs = vec![("n", number.as_str())];
    pairs.extend(args.tail.then_some(("follow", "true")));
    pairs.extend(args.ps.as_deref().map(|process| ("process", process)));
    pairs.extend(args.source.as_deref().map(|source| ("source", source)));
    format!("/logs?{}", query(&pairs))
}

/// A line as it is, or with colours on a terminal.
pub fn shown(line: &[u8], colour: bool) -> Vec<u8> {
    if !colour {
        return [line, b"\n"].concat();
    }
    let text = String::from_utf8_lossy(line);
    let parts =
        text.split_once(' ').and_then(|(stamp, rest)| Some((stamp, rest.split_once(": ")?)));
    let shown = match parts {
        Some((stamp, (source, message))) => {
            format!("{} {}: {}\x1b[0m\n", paint(DIM, stamp), label(source), harmless(message))
        }
        None => format!("{}\x1b[0m\n", harmless(&text)),
    };
    shown.into_bytes()
}

async fn returned(client: &Client) -> Result<(), Failure> {
    let returns = async {
        loop {
            tokio::time::sleep(Duration::from_millis(200)).await;
            if tokio::net::UnixStream::connect(client.socket()).await.is_ok() {
                return;
            }
        }
    };
    tokio::time::timeout(AWAY, returns)
        .await
        .map_err(|_| Failure::platform("the server did not come back").next("xii up"))
}

/// What has been printed, so that nothing is printed twice after a cut.
#[derive(Default)]
struct Printed {
    lines: u64,
    last: Vec<u8>,
    /// The last lines are being read again; up to which one is known by its text.
    catching_up: bool,
}

impl Printed {
    fn catch_up(&mut self) {
        self.catching_up = true;
    }

    /// A line older than the last one printed, or that one itself, is not new. Stamps of
    /// one length compare as text.
    fn is_new(&mut self, line: &[u8]) -> bool {
        if self.catching_up {
            if line == self.last.as_slice() {
                self.catching_up = false;
                return false;
            }
            if stamp(line) <= stamp(&self.last) {
                return false;
            }
            self.catching_up = false;
        }
        self.lines += 1;
        self.last = line.to_vec();
        true
    }
}

fn stamp(line: &[u8]) -> &[u8] {
    line.split(|byte| *byte == b' ').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_a_cut_nothing_is_printed_twice() {
        let mut printed = Printed::default();
        let all = ["1 a: x", "2 a: y", "2 b: z", "3 a: w"];
        assert!(all[..2].iter().all(|line| printed.is_new(line.as_bytes())));
        printed.catch_up();
        let new: Vec<_> = all.iter().filter(|line| printed.is_new(line.as_bytes())).collect();
        assert_eq!(new, [&"2 b: z", &"3 a: w"]);
    }

    #[test]
    fn away_from_a_terminal_a_line_is_not_touched() {
        let line = b"2026-11-20T15:13:46.677020+00:00 app[web.1]: \x1b[31m\xff";
        assert_eq!(shown(line, false), [line.as_slice(), b"\n"].concat());
    }
}
