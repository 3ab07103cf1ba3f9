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
use std::time::Duration;
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

/// Passes what a keeper says on to its runner until the keeper is gone. Requests go the
/// other way. Ends with the runner; the keeper stays.
pub(super) fn follow(client: Client, keeper: u64, outbox: Outbox, wanted: Wanted) {
    tokio::spawn(async move {
        if converse(client, keeper, &outbox, wanted).await.is_err() {
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
    loop {
        tokio::select! {
            request = wanted.recv() => match request {
                Some(request) => _ = client.request(&request).await?,
                None => return Ok(()),
            },
            notice = client.next_event() => {
                let _ = outbox.send(Message::Keeper { keeper, notice: notice? });
            }
        }
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

/// Files of keepers that were killed, with their server, before they had a record.
pub(super) fn remove_strays(host: &Host, known: &BTreeSet<u64>) {
    for entry in std::fs::read_dir(host.home.instances()).into_iter().flatten().flatten() {
        let path = entry.path();
        let keeper = path.file_stem().and_then(|stem| stem.to_str()?.parse().ok());
        if keeper.is_some_and(|keeper| !known.contains(&keeper)) {
            // Gone already, or met again by the next server.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Removes what a keeper that is gone may have left: its record, its socket, its cgroup.
pub(super) fn clean_up(host: &Host, keeper: u64) {
    // Each is usually gone already: a keeper that ends by itself takes them along.
    let _ = std::fs::remove_file(host.home.instance_record(keeper));
    let _ = std::fs::remove_file(host.home.instance_socket(keeper));
    if let Some(name) = host.cgroup(keeper) {
        let cgroup = Hierarchies::of_this_machine().cgroup(&name);
        cgroup.kill();
        cgroup.destroy(Duration::from_secs(10));
    }
}
