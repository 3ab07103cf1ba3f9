//! Measuring a change, from before it begins to its receipt.

use super::{BootTime, Journal, Platform, Receipt, Traffic};
use crate::app::{DeployRef, ReleaseNumber};
use crate::run::State;
use jiff::{SignedDuration, Timestamp};
use std::time::Instant;

/// How much traffic before the change is compared with.
const BEFORE: SignedDuration = SignedDuration::from_secs(60);

pub(super) struct Measure {
    deploy: DeployRef,
    before: Option<ReleaseNumber>,
    running: Vec<u64>,
    began: Instant,
    at: Timestamp,
    traffic_before: Traffic,
}

impl Measure {
    pub async fn begin(platform: &Platform, deploy: &DeployRef) -> Self {
        let at = Timestamp::now();
        let view = platform.deploys.of(deploy).view();
        Measure {
            deploy: deploy.clone(),
            before: view.desired.release,
            running: view.instances.iter().map(|i| i.id.keeper).collect(),
            began: Instant::now(),
            at,
            traffic_before: traffic(platform, deploy, at - BEFORE, at).await,
        }
    }

    pub async fn receipt(
        self,
        platform: &Platform,
        journal: &Journal,
        done: &str,
        notes: Vec<String>,
    ) -> Receipt {
        let view = platform.deploys.of(&self.deploy).view();
        let new = view
            .instances
            .iter()
            .filter(|i| !self.running.contains(&i.id.keeper) && i.state == State::Ready);
        let routed = !view.table.is_empty();
        Receipt {
            release: view.desired.release,
            before: self.before,
            done: done.to_string(),
            traffic_before: self.traffic_before,
            traffic_during: traffic(platform, &self.deploy, self.at, Timestamp::now()).await,
            boots: new
                .filter_map(|i| Some(BootTime { instance: i.id.name(), ms: i.boot_ms? }))
                .collect(),
            phases: journal.phases(),
            total_ms: u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX),
            url: routed.then(|| platform.host().addressing.url(&self.deploy)),
            notes,
            deploy: self.deploy,
        }
    }
}

/// Without a router to ask there is no traffic.
async fn traffic(
    platform: &Platform,
    deploy: &DeployRef,
    from: Timestamp,
    to: Timestamp,
) -> Traffic {
    let seconds = |at: Timestamp| u64::try_from(at.as_second()).unwrap_or(0);
    let stats = platform.host().routes.client.stats(deploy, seconds(from), seconds(to)).await;
    let stats = stats.unwrap_or_default();
    let any = stats.requests > 0;
    Traffic {
        requests: stats.requests,
        failed: stats.failed,
        p50_ms: any.then_some(stats.p50_ms),
        p99_ms: any.then_some(stats.p99_ms),
    }
}
