//! Is it up? The router asks, because only the router may reach an instance's port.

use super::Host;
use super::actions::Outbox;
use super::listener;
use super::runner::Message;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub(super) struct Target {
    pub keeper: u64,
    pub incarnation: u64,
    pub address: SocketAddr,
    /// Sent as `Host`.
    pub host: String,
    pub path: String,
    /// How long a boot may take (R10).
    pub boot_timeout: Duration,
    /// Who must be the one that listens; `None` where apps have no user of their own.
    pub uid: Option<u32>,
}

const ONE_ANSWER: Duration = Duration::from_secs(10);

/// Probes until there is a good answer or the time is over, and says which.
pub(super) async fn watch(host: Arc<Host>, target: Target, outbox: Outbox) {
    let Target { keeper, incarnation, .. } = target;
    let message = match first_answer(&host, &target, &outbox).await {
        Ok(()) => Message::Answered { keeper, incarnation },
        Err(why) => Message::Silent { keeper, incarnation, why },
    };
    // The runner is gone only when the server ends.
    let _ = outbox.send(message);
}

async fn first_answer(host: &Host, target: &Target, outbox: &Outbox) -> Result<(), String> {
    let (began, port) = (Instant::now(), target.address.port());
    let mut pause = Duration::from_millis(10);
    let mut last = format!("nothing accepts connections on $PORT ({port})");
    while began.elapsed() < target.boot_timeout && !outbox.is_closed() {
        let probe = host.routes.client.probe(
            target.address,
            &target.host,
            &target.path,
            ONE_ANSWER.min(target.boot_timeout),
        );
        match probe.await {
            Ok(found) if is_good(found.status) => match stranger(target) {
                None => return Ok(()),
                Some(uid) => last = format!("a process of user {uid} has taken $PORT ({port})"),
            },
            Ok(found) => last = describe(found.connected, found.status, target),
            Err(failure) => last = failure.to_string(),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 3 / 2).min(Duration::from_millis(250));
    }
    let boot_timeout = u64::try_from(target.boot_timeout.as_millis()).unwrap_or(u64::MAX);
    Err(format!(
        "Error R10 (Boot timeout): after {} {last}",
        crate::app::format_duration(boot_timeout)
    ))
}

/// Looked for after the answer: what listens then is what answered, or has replaced it.
fn stranger(target: &Target) -> Option<u32> {
    listener::stranger(target.address.port(), target.uid?)
}

/// Any answer but those a proxy gives for an app that is not there.
fn is_good(status: Option<u16>) -> bool {
    status.is_some_and(|status| !(502..=504).contains(&status))
}

fn describe(connected: bool, status: Option<u16>, target: &Target) -> String {
    match (connected, status) {
        (_, Some(status)) => format!("GET {} still answers {status}", target.path),
        (true, None) => format!("it accepts connections but does not answer GET {}", target.path),
        (false, None) => {
            format!("nothing accepts connections on $PORT ({})", target.address.port())
        }
    }
}
