//! The server's side of keepers: starting, following, cleaning up after them.

use super::Host;
use super::actions::Outbox;
use super::runner::Message;
use crate::app::Failure;
use crate::keeper::{self, Client, KeeperSpec, Notice, Record, Request, StateWord, Status};
use crate::sandbox::cgroup::Hierarchies;
use crate::sandbox::process;
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// The descriptors a keeper is given, and the lifeline that ties it to its starter.
pub(super) type Passed = (Option<[OwnedFd; 3]>, Option<OwnedFd>);

/// Starts a keeper and connects to it. Its pid is the host's. One that cannot be connected to
/// is ended: nobody would know of it.
pub(super) async fn start(
    host: &Host,
    spec: KeeperSpec,
    (passed, lifeline): Passed,
) -> Result<(i32, Client), Failure> {
    let broken_off = |error| Failure::internal("starting a keeper was broken off").because(error);
    let (exe, given) = (host.exe.clone(), spec.clone());
    let starting =
        tokio::task::spawn_blocking(move || keeper::start(&exe, &given, passed, lifeline));
    let started = starting.await.map_err(broken_off)??;
    match Client::connect(&spec.socket).await {
        Ok(client) => Ok((started.pid, client)),
        Err(failure) => {
            tokio::task::spawn_blocking(move || keeper::undo(&spec)).await.map_err(broken_off)?;
            Err(failure)
        }
    }
}

/// The two ends of the requests to a keeper.
pub(super) type Requests = mpsc::UnboundedSender<Request>;
pub(super) type Wanted = mpsc::UnboundedReceiver<Request>;

/// A keeper answers at once; one that takes so long does nothing any more.
const ANSWERS_WITHIN: Duration = Duration::from_secs(10);
/// From the end of the stop window to the end of the keeper.
const GONE_WITHIN: Duration = Duration::from_secs(30);

/// Passes what a keeper says on to its runner until the keeper is gone. Requests go the
/// other way. Ends with the runner; the keeper stays, unless it does not do what it is asked.
pub(super) fn follow(host: Arc<Host>, client: Client, keeper: u64, outbox: Outbox, wanted: Wanted) {
    tokio::spawn(async move {
        let ended = converse(client, keeper, &outbox, wanted).await;
        if ended.is_err() {
            // Its connection may have ended without it.
            _ = tokio::task::spawn_blocking(move || end_by_force(&host, keeper)).await;
            // The runner is gone only when the server ends.
            let _ = outbox.send(Message::Lost { keeper });
        }
    });
}

/// `Err` when the keeper is gone, `Ok` when the runner is.
async fn converse(
    mut client: Client,
    keeper: u64,
    outbox: &Outbox,
    mut wanted: Wanted,
) -> Result<(), Failure> {
    // What happened before the connection is in the status.
    for notice in caught_up(client.status().await?) {
        let _ = outbox.send(Message::Keeper { keeper, notice });
    }
    let mut gone_by = None;
    loop {
        tokio::select! {
            request = wanted.recv() => match request {
                Some(request) => {
                    gone_by = gone_by.or(end_of(&request));
                    let answer = tokio::time::timeout(ANSWERS_WITHIN, client.request(&request));
                    _ = answer.await.map_err(|_| deaf())??;
                }
                None => return Ok(()),
            },
            notice = client.next_event() => {
                let _ = outbox.send(Message::Keeper { keeper, notice: notice? });
            }
            () = at(gone_by) => return Err(deaf()),
        }
    }
}

/// When a keeper must be gone that was asked to stop.
fn end_of(request: &Request) -> Option<Instant> {
    match request {
        Request::Stop { window_ms } => {
            let window = Duration::from_millis(window_ms.unwrap_or_default());
            Some(Instant::now() + window + GONE_WITHIN)
        }
        _ => None,
    }
}

async fn at(when: Option<Instant>) {
    match when {
        Some(when) => tokio::time::sleep_until(when.into()).await,
        None => std::future::pending().await,
    }
}

fn deaf() -> Failure {
    Failure::platform("a keeper does not do what it is asked")
}

/// Ends a keeper by its record, if both are still there; the instance goes with it.
fn end_by_force(host: &Host, keeper: u64) {
    let text = std::fs::read(host.home.instance_record(keeper)).unwrap_or_default();
    let record = serde_json::from_slice::<Record>(&text).ok();
    if let Some(process) = record.and_then(|r| process::Other::open(r.pid, r.start_time)) {
        let _ = process.kill();
        process.wait(GONE_WITHIN);
    }
}

/// The notices that lead to a status.
fn caught_up(status: Status) -> Vec<Notice> {
    let crashed = status.last_exit.clone().map(Notice::Exited);
    match status.state {
        StateWord::Starting => Vec::new(),
        StateWord::Running => {
            let started = Notice::Started { incarnation: status.incarnation };
            let ready = status.ready.then_some(Notice::Ready);
            std::iter::once(started).chain(ready).collect()
        }
        StateWord::BackingOff => {
            let again = status.restart_at.map(|at| Notice::Restarting { at, n: status.crashes });
            crashed.into_iter().chain(again).collect()
        }
        StateWord::Exiting | StateWord::Exited => crashed.into_iter().collect(),
        StateWord::Stopping | StateWord::Stopped => vec![Notice::Stopped],
    }
}

/// Ends a keeper that does not answer, and cleans up after it.
pub fn end(host: &Host, record: &Record) {
    if let Some(keeper) = process::Other::open(record.pid, record.start_time) {
        // Its namespace, and so the whole instance, goes with it.
        let _ = keeper.kill();
        keeper.wait(Duration::from_secs(10));
    }
    clean_up(host, record.instance.keeper);
    // A failure leaves it to the next server.
    let _ = host.ledger.free_port(record.instance.keeper, Timestamp::now());
}

/// What an earlier server could not hand back: ports of keepers that have left no record.
pub(super) fn free_ports(host: &Host, known: &BTreeSet<u64>) -> Result<(), Failure> {
    for port in host.ledger.ports()? {
        if !known.contains(&port.keeper) {
            host.ledger.free_port(port.keeper, Timestamp::now())?;
        }
    }
    Ok(())
}

/// Removes what a keeper that is gone may have left: its record, its socket, its cgroup.
pub(super) fn clean_up(host: &Host, keeper: u64) {
    // Each is usually gone already: a keeper that ends by itself takes them along.
    let record = host.home.instance_record(keeper);
    let _ = std::fs::remove_file(Record::unfinished(&record));
    let _ = std::fs::remove_file(record);
    let _ = std::fs::remove_file(host.home.instance_socket(keeper));
    if let Some(name) = host.cgroup(keeper) {
        let cgroup = Hierarchies::of_this_machine().cgroup(&name);
        cgroup.kill();
        cgroup.destroy(Duration::from_secs(10));
    }
}
