//! A new server finds the instances of the one before it: the records in the run folder say
//! where to look, and the keeper behind each answers for itself.

use super::Host;
use super::actions::starting;
use super::deploys::Deploys;
use super::keepers;
use super::plan::State;
use super::runner::Message;
use crate::app::Failure;
use crate::keeper::{self, Client, Exit, Notice, Record, StateWord, Status};
use crate::store::OneOffState;
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// A keeper that does not answer for so long is taken for dead.
const ANSWER: Duration = Duration::from_secs(5);

/// Hands every living instance to its runner; what is left of dead ones is removed. Returns
/// the records of one-offs and builds, which have no runner.
pub async fn attach_all(deploys: &Deploys) -> Result<Vec<Record>, Failure> {
    let host = &deploys.host;
    let one_offs = host.ledger.running_one_offs()?;
    let one_offs: BTreeSet<u64> = one_offs.iter().map(|(_, one_off)| one_off.keeper).collect();
    let mut others = Vec::new();
    let records = keeper::records(&host.home.instances())?;
    let known = records.iter().map(|(_, record)| record.instance.keeper).collect();
    keepers::free_ports(host, &known)?;
    super::left::end_unknown(host, &known)?;
    for (_, record) in records {
        let is_one_off = one_offs.contains(&record.instance.keeper) || record.result.is_some();
        if is_one_off || record.release.is_none() {
            others.push(record);
        } else {
            attach(deploys, record).await;
        }
    }
    Ok(others)
}

async fn attach(deploys: &Deploys, record: Record) {
    let exists = deploys.host.ledger.deploy(&record.deploy).ok().flatten().is_some();
    match tokio::time::timeout(ANSWER, converse(&record)).await {
        Ok(Some((client, status))) if exists => adopt(deploys, record, client, &status).await,
        _ => {
            let host = deploys.host.clone();
            // Finished when it is: nothing waits for a dead keeper's folder.
            drop(tokio::task::spawn_blocking(move || keepers::end(&host, &record)));
        }
    }
}

/// A one-off of the server before: its row gets its end when it is over.
pub fn see_out(host: &Arc<Host>, record: Record, row: u64) {
    let host = host.clone();
    tokio::spawn(async move {
        let state = match exit_of(&record).await {
            Some(exit) => OneOffState::Exited(exit.status()),
            None => OneOffState::Unknown,
        };
        // A failure leaves it to the next server.
        let _ = host.ledger.finish_one_off(row, state, Timestamp::now());
        drop(tokio::task::spawn_blocking(move || keepers::end(&host, &record)));
    });
}

async fn exit_of(record: &Record) -> Option<Exit> {
    let (mut client, status) = converse(record).await?;
    if status.last_exit.is_some() {
        return status.last_exit;
    }
    loop {
        if let Notice::Exited(exit) = client.next_event().await.ok()? {
            return Some(exit);
        }
    }
}

/// The keeper's own word; `None` when it is not the keeper of the record.
async fn converse(record: &Record) -> Option<(Client, Status)> {
    let mut client = Client::connect(&record.socket).await.ok()?;
    let status = client.status().await.ok()?;
    (status.nonce == record.nonce).then_some((client, status))
}

async fn adopt(deploys: &Deploys, record: Record, client: Client, status: &Status) {
    let Some(release) = record.release else { return };
    let host = &deploys.host;
    let key = record.instance.to_string();
    let listed = host.routes.listed(&record.deploy).iter().any(|t| t.key == key);
    let (requests, wanted) = mpsc::unbounded_channel();
    let keeper = record.instance.keeper;
    let mut running = starting(record.instance, release, record.port, record.pid, requests);
    running.incarnation = status.incarnation;
    running.restarts = status.restarts;
    running.alive = status.ready;
    running.answered = listed || record.port.is_none();
    // One out of the table may still have requests: the routers are asked.
    running.drained = record.port.is_none();
    running.unrouted = (record.port.is_some() && !listed).then(Instant::now);
    running.state = match status.state {
        StateWord::Starting => State::Starting,
        StateWord::Running if running.alive && running.answered => State::Ready,
        StateWord::Running => State::Starting,
        StateWord::BackingOff | StateWord::Exiting | StateWord::Exited => State::Crashed,
        StateWord::Stopping | StateWord::Stopped => State::Stopping,
    };
    let runnable = host.runnable(&record.deploy, release).ok();
    let outbox = deploys.of(&record.deploy).outbox();
    // Before following: the runner must know it when its first notice comes.
    let _ = outbox.send(Message::Adopt { running: Box::new(running), listed, runnable });
    keepers::follow(host.clone(), client, keeper, outbox, wanted);
}
