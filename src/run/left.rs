//! For the end of everything: what still runs although no runner has it, such as a release
//! phase that outlived its server.

use super::{Host, keepers};
use crate::app::Failure;
use crate::keeper::{self, Client, Request};
use std::collections::BTreeSet;
use std::fs::DirEntry;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Longer than any stop window.
const STOPPED: Duration = Duration::from_secs(90);

/// Keepers whose record is damaged or missing: nobody can take them over, so that each would run
/// beside its successor. They are asked to stop, each by its own socket, meanwhile.
pub(super) fn end_unknown(host: &Arc<Host>, known: &BTreeSet<u64>) -> Result<(), Failure> {
    let folder = host.home.instances();
    let failed = |error| {
        let message = format!("cannot list the instances in {}", folder.display());
        Failure::platform(message).because(error)
    };
    let entries = match std::fs::read_dir(&folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(failed)?,
    };
    let number = |entry: DirEntry| entry.path().file_stem()?.to_str()?.parse().ok();
    let found: BTreeSet<u64> = entries.flatten().filter_map(number).collect();
    for keeper in found.difference(known).copied() {
        let (host, socket) = (host.clone(), host.home.instance_socket(keeper));
        if keeper::Connection::open(&socket).is_err() {
            // Killed, with its server, before it had a record.
            keepers::clean_up(&host, keeper);
            continue;
        }
        tokio::spawn(async move {
            stop(&socket).await;
            // Nothing waits for it.
            drop(tokio::task::spawn_blocking(move || keepers::clean_up(&host, keeper)));
        });
    }
    Ok(())
}

/// The stop sequence of the keeper behind a socket, if there is one.
async fn stop(socket: &Path) {
    let Ok(mut client) = Client::connect(socket).await else { return };
    let stop = async {
        let asked = client.request(&Request::Stop { window_ms: None }).await;
        // The connection ends with the keeper.
        while asked.is_ok() && client.next_event().await.is_ok() {}
    };
    // Whoever does not end in time is ended by force.
    let _ = tokio::time::timeout(STOPPED, stop).await;
}

/// Gives every keeper that is left its stop sequence, and cleans up after it.
pub async fn stop_all(host: &Arc<Host>) -> Result<(), Failure> {
    for (_, record) in keeper::records(&host.home.instances())? {
        stop(&record.socket).await;
        let host = host.clone();
        // It only removes files; a panic in it is no reason to stay.
        let _ = tokio::task::spawn_blocking(move || keepers::end(&host, &record)).await;
    }
    Ok(())
}
