//! What the server before left: instances are taken over, changes that were under way have
//! failed, and whatever belongs to nobody any more is removed. Nothing is done twice here.

use super::log::Log;
use crate::app::Failure;
use crate::build;
use crate::deploy::{self, Platform};
use crate::keeper::{Exit, Record};
use crate::run::{self, Handle, Host};
use crate::sandbox::cgroup::Hierarchies;
use crate::store::{DeployRecord, OneOff, OneOffState};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// A deploy that is not in the table by then gets there while requests are served already.
const IN_TABLE_WITHIN: Duration = Duration::from_secs(10);

/// Takes over from the server before: its instances, its operations, its one-offs.
pub async fn recover(platform: &Platform, log: Log) -> Result<(), Failure> {
    let host = platform.host();
    let interrupted = host.ledger.interrupt_operations(Timestamp::now())?;
    for operation in &interrupted {
        log.warn(&format!("operation {} ({}) was interrupted", operation.id, operation.kind));
    }
    let others = run::attach_all(&platform.deploys).await?;
    settle_one_offs(host, others)?;
    // Again, now that no build can write there any more.
    build::sweep(&host.home.tmp())?;
    deploy::fail_pending(platform)?;
    sweep_cgroups(host, log);
    // What is left of a removal is no reason not to serve.
    if let Err(failure) = deploy::clear(platform).await {
        log.warn(&failure.to_string());
    }
    if let Err(failure) = sweep_builds(host) {
        log.warn(&failure.to_string());
    }
    let deploys = host.ledger.deploys()?;
    let names: Vec<_> = deploys.iter().map(|record| record.deploy.clone()).collect();
    // Every table is whole: the next one that can be sent says the same.
    if let Err(failure) = host.routes.keep_only(&names).await {
        log.warn(&failure.to_string());
    }
    let mut begun = Vec::new();
    for record in deploys {
        // One deploy that cannot run must not keep the others from it.
        match bring_back(platform, &record) {
            Ok(change) => begun.extend(change),
            Err(failure) => {
                let next = failure.next.iter().map(|next| format!("; next: {next}"));
                let next: String = next.collect();
                log.error(&format!("{} cannot run: {failure}{next}", record.deploy));
            }
        }
    }
    in_table(begun).await;
    Ok(())
}

/// The change that brings its instances back; `None` before its first code.
fn bring_back(
    platform: &Platform,
    record: &DeployRecord,
) -> Result<Option<(Handle, u64)>, Failure> {
    let host = platform.host();
    // The command that ordered a restart has ended with its server, and said so.
    host.ledger.forget_restarts(&record.deploy)?;
    deploy::bring_back(platform, record)
}

/// Waits until the routers know every deploy: after a reboot they hold its requests while it
/// boots, instead of knowing nothing of it.
async fn in_table(begun: Vec<(Handle, u64)>) {
    let all = async {
        for (handle, change) in begun {
            // A runner ends only with the server.
            let _ = handle.until(change, |_| Some(())).await;
        }
    };
    let _ = tokio::time::timeout(IN_TABLE_WITHIN, all).await;
}

/// What ran besides instances. A build ends with its server; a one-off's row gets its end:
/// now, if it is known from its record, once it is over, if it still runs, and otherwise
/// never: nobody has seen it, and nothing is repeated.
fn settle_one_offs(host: &Arc<Host>, records: Vec<Record>) -> Result<(), Failure> {
    let mut rows: BTreeMap<u64, OneOff> = BTreeMap::new();
    rows.extend(host.ledger.running_one_offs()?.into_iter().map(|(_, row)| (row.keeper, row)));
    for record in records {
        let row = rows.remove(&record.instance.keeper);
        match (row, &record.result) {
            (Some(row), None) if record.alive() => run::see_out(host, record, row.id),
            (Some(row), result) => {
                let exited = |exit: &Exit| OneOffState::Exited(exit.status());
                let state = result.as_ref().map_or(OneOffState::Unknown, exited);
                host.ledger.finish_one_off(row.id, state, Timestamp::now())?;
                run::end(host, &record);
            }
            (None, _) => run::end(host, &record),
        }
    }
    for row in rows.into_values() {
        host.ledger.finish_one_off(row.id, OneOffState::Unknown, Timestamp::now())?;
    }
    Ok(())
}

/// Builds that were stored or removed as the server died: the ledger does not know them as
/// there, so nobody can run them.
fn sweep_builds(host: &Host) -> Result<(), Failure> {
    let builds = host.ledger.builds()?.into_iter().filter(|build| build.pruned_at.is_none());
    build::keep_only(&host.home, &builds.map(|build| build.digest).collect())
}

/// Cgroups without a keeper: what a crash of both server and keeper leaves.
fn sweep_cgroups(host: &Host, log: Log) {
    let home = &host.home;
    let known = |name: &str| {
        name.parse().is_ok_and(|keeper: u64| {
            home.instance_record(keeper).exists() || home.instance_socket(keeper).exists()
        })
    };
    let home = host.home.cgroup();
    let patience = Duration::from_secs(2);
    for name in Hierarchies::of_this_machine().sweep(&home, known, patience) {
        log.warn(&format!("cgroup {home}/{name} cannot be removed"));
    }
}
