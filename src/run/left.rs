//! For the end of everything: what still runs although no runner has it, such as a release
//! phase that outlived its server.

use super::{Host, keepers};
use crate::app::Failure;
use crate::keeper::{self, Client, Request};
use std::sync::Arc;
use std::time::Duration;

/// Longer than any stop window.
const STOPPED: Duration = Duration::from_secs(90);

/// Gives every keeper that is left its stop sequence, and cleans up after it.
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
        let host = host.clone();
        // It only removes files; a panic in it is no reason to stay.
        let _ = tokio::task::spawn_blocking(move || keepers::end(&host, &record)).await;
    }
    Ok(())
}
