//! One-offs that a server before this one started: they have no caller any more, and yet
//! somebody must see their end.

use super::{Host, keepers};
use crate::app::{DeployRef, Failure};
use crate::keeper::{self, Client, Exit, Notice, Record, Request};
use crate::store::{OneOffKind, OneOffState};
use jiff::Timestamp;
use std::sync::Arc;
use std::time::Duration;

/// Longer than any stop window.
const STOPPED: Duration = Duration::from_secs(90);

/// The release phases of a deploy that still run, with their rows. Whoever has the deploy's
/// turn started none of them.
pub fn release_phases_left(
    host: &Host,
    deploy: &DeployRef,
) -> Result<Vec<(u64, Option<Record>)>, Failure> {
    let mut records = keeper::records(&host.home.instances())?;
    let running = host.ledger.running_one_offs()?.into_iter();
    let phases =
        running.filter(|(of, one_off)| of == deploy && one_off.kind == OneOffKind::Release);
    Ok(phases
        .map(|(_, one_off)| {
            let at = records.iter().position(|(_, r)| r.instance.keeper == one_off.keeper);
            (one_off.id, at.map(|at| records.swap_remove(at).1))
        })
        .collect())
}

/// Waits for its end, and writes that down.
pub async fn settle(host: &Arc<Host>, row: u64, record: Option<Record>) -> Result<(), Failure> {
    let exit = match &record {
        Some(record) => end_of(record).await,
        None => None,
    };
    let state = exit.map_or(OneOffState::Unknown, |exit| OneOffState::Exited(exit.status()));
    host.ledger.finish_one_off(row, state, Timestamp::now())?;
    if let Some(record) = record {
        clean_up(host, record).await;
    }
    Ok(())
}

/// `None` when nobody knows any more how it ended.
async fn end_of(record: &Record) -> Option<Exit> {
    if let Some(exit) = &record.result {
        return Some(exit.clone());
    }
    let mut client = Client::connect(&record.socket).await.ok()?;
    let status = client.status().await.ok()?;
    if status.nonce != record.nonce || status.last_exit.is_some() {
        return status.last_exit.filter(|_| status.nonce == record.nonce);
    }
    loop {
        match client.next_event().await {
            Ok(Notice::Exited(exit)) => return Some(exit),
            Ok(_) => {}
            Err(_) => return None,
        }
    }
}

/// For the end of everything: what still runs gets its stop sequence too.
pub async fn stop_all(host: &Arc<Host>) -> Result<(), Failure> {
    for (_, record) in keeper::records(&host.home.instances())? {
        if let Ok(mut client) = Client::connect(&record.socket).await {
            let stop = async {
                let asked = client.request(&Request::Stop { window_ms: None }).await;
                // The connection ends with the keeper.
                while asked.is_ok() && client.next_event().await.is_ok() {}
            };
            // Whoever does not end in time is ended below.
            let _ = tokio::time::timeout(STOPPED, stop).await;
        }
        clean_up(host, record).await;
    }
    Ok(())
}

async fn clean_up(host: &Arc<Host>, record: Record) {
    let host = host.clone();
    // It only removes files; a panic in it is no reason to stay.
    let _ = tokio::task::spawn_blocking(move || keepers::end(&host, &record)).await;
}
