//! An operation, followed to its end. The operation belongs to the server: a cut
//! connection is taken up again where it broke, and Ctrl-C cancels only while the old
//! release still serves alone; after the switch it leaves the operation to itself.

use super::{Client, Trouble};
use crate::app::Failure;
use crate::cli::ui::{Steps, Ui};
use crate::deploy::Receipt;
use crate::server::api::{Event, Operation, What};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// How long a server may be away before following is given up.
const AWAY: Duration = Duration::from_secs(60);
const TICK: Duration = Duration::from_millis(200);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// The server stays and comes back when it is restarted.
    ServerStays,
    /// The operation ends the server: when it is gone, all is done.
    ServerEnds,
}

#[derive(Debug)]
pub enum Followed {
    Done(Option<Box<Receipt>>),
    /// The user stopped looking; it goes on.
    Detached,
}

/// Ctrl-C, as often as it is pressed.
pub struct Interrupts(mpsc::UnboundedReceiver<()>);

impl Interrupts {
    pub fn of_terminal() -> Interrupts {
        let (to, from) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while tokio::signal::ctrl_c().await.is_ok() && to.send(()).is_ok() {}
        });
        Interrupts(from)
    }

    /// For work whose interruption is looked after elsewhere.
    pub fn never() -> Interrupts {
        Interrupts(mpsc::unbounded_channel().1)
    }

    #[cfg(test)]
    pub fn from_channel(from: mpsc::UnboundedReceiver<()>) -> Interrupts {
        Interrupts(from)
    }

    /// The next one; for ever when there can be none.
    pub async fn next(&mut self) {
        if self.0.recv().await.is_none() {
            std::future::pending().await
        }
    }
}

pub async fn follow(
    client: &Client,
    ui: &Ui,
    operation: &str,
    ending: Ending,
    interrupts: &mut Interrupts,
) -> Result<Followed, Failure> {
    let mut following = Following {
        client,
        operation,
        ending,
        steps: ui.steps(),
        last: 0,
        switched: false,
        cancelling: false,
    };
    let mut away_since: Option<Instant> = None;
    loop {
        let seen = following.last;
        match following.once(interrupts).await {
            Ok(Some(followed)) => return Ok(followed),
            Ok(None) => {}
            Err(Trouble::Refused(failure)) => return Err(failure),
            Err(_) if ending == Ending::ServerEnds => return Ok(Followed::Done(None)),
            Err(trouble) => {
                if seen != following.last {
                    away_since = None;
                }
                let since = *away_since.get_or_insert_with(|| {
                    following.steps.line("  the server is away; waiting for it");
                    Instant::now()
                });
                if since.elapsed() > AWAY {
                    return Err(trouble.into());
                }
            }
        }
        tokio::select! {
            () = tokio::time::sleep(TICK) => {}
            () = interrupts.next() => return Ok(Followed::Detached),
        }
    }
}

struct Following<'a> {
    client: &'a Client,
    operation: &'a str,
    ending: Ending,
    steps: Steps<'a>,
    /// The sequence number of the last event seen.
    last: u64,
    switched: bool,
    cancelling: bool,
}

impl Following<'_> {
    /// One connection's worth. `None`: it ended before the operation did.
    async fn once(&mut self, interrupts: &mut Interrupts) -> Result<Option<Followed>, Trouble> {
        let path = format!("/v1/operations/{}/events?after={}", self.operation, self.last);
        let mut lines = self.client.lines(&path).await?;
        let mut tick = tokio::time::interval(TICK);
        loop {
            tokio::select! {
                line = lines.next() => match line.map_err(Trouble::Cut)? {
                    Some(line) => if let Some(end) = self.line(&line)? { return Ok(Some(end)) },
                    None => return self.outcome().await,
                },
                () = interrupts.next() => if self.interrupted().await? {
                    return Ok(Some(Followed::Detached));
                },
                _ = tick.tick() => self.steps.tick(),
            }
        }
    }

    fn line(&mut self, line: &[u8]) -> Result<Option<Followed>, Trouble> {
        if line.iter().all(u8::is_ascii_whitespace) {
            return Ok(None);
        }
        let event: Event = serde_json::from_slice(line).map_err(|error| {
            Trouble::Refused(Failure::platform("an event was not understood").because(error))
        })?;
        if event.seq <= self.last {
            return Ok(None);
        }
        self.last = event.seq;
        self.steps.event(&event.what);
        match event.what {
            What::Phase { name } if name == "switch" => self.switched = true,
            What::Done { receipt } => return Ok(Some(Followed::Done(receipt))),
            What::Failed { failure } => return Err(Trouble::Refused(failure)),
            _ => {}
        }
        Ok(None)
    }

    /// Ctrl-C. True: stop looking.
    async fn interrupted(&mut self) -> Result<bool, Trouble> {
        if self.switched || self.cancelling || self.ending == Ending::ServerEnds {
            return Ok(true);
        }
        self.cancelling = true;
        self.steps.line("  cancelling; once more to leave it to itself");
        let path = format!("/v1/operations/{}/cancel", self.operation);
        match self.client.post::<serde_json::Value>(&path, &serde_json::json!({})).await {
            // It may have ended, or passed the switch, in the same moment: its events tell.
            Ok(_) | Err(Trouble::Refused(_)) => Ok(false),
            Err(trouble) => Err(trouble),
        }
    }

    /// The stream ended without a last event.
    async fn outcome(&mut self) -> Result<Option<Followed>, Trouble> {
        let path = format!("/v1/operations/{}", self.operation);
        let operation: Operation = self.client.get(&path).await?;
        match operation.state.as_str() {
            "running" => Ok(None),
            "done" => Ok(Some(Followed::Done(None))),
            state => {
                let what = format!("the {} was {state}", operation.kind);
                Err(Trouble::Refused(Failure::platform(what).next("xii status")))
            }
        }
    }
}
