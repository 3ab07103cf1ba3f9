//! The server's start, as a boot log: home, ledger, isolation, router, instances, API.

use super::http::{self, Api};
use super::log::Log;
use super::operations::Operations;
use super::router;
use super::settings::{RequiredIsolation, ServerSettings};
use crate::app::Failure;
use crate::build::{self, Toolchains};
use crate::config::Key;
use crate::deploy::Platform;
use crate::keeper::{Exit, Record};
use crate::router::{Client, Table};
use crate::run::{self, Addressing, Boots, Deploys, Host, Routes};
use crate::sandbox::cgroup::Hierarchies;
use crate::sandbox::{self, Isolation, Level, firewall};
use crate::store::{Block, Home, HomeLock, Ledger, OneOff, OneOffState};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use tokio::net::UnixListener;

/// Runs the server until SIGTERM, SIGINT or `xii down`. Instances and the router stay, but
/// for `down`.
pub fn main(settings: ServerSettings, log: Log) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::platform("cannot start the server's threads").because(error))?;
    runtime.block_on(run(settings, log))
}

async fn run(settings: ServerSettings, log: Log) -> Result<(), Failure> {
    let (home, _lock) = open_home(&settings)?;
    log.info(&format!("home {} ({})", home.dir().display(), home.id()));
    let isolation = sandbox::probe(&settings.exe);
    let level = required(&isolation, settings.isolation)?;
    log.info(&format!("isolation {}", level_name(level)));
    let host = open_host(&settings, home, level)?;
    protect(&host, log)?;
    let http = router::ensure(&host, &settings)?;
    log.info(&format!("router on http://{http}"));
    let host =
        Arc::new(Host { addressing: Addressing { http, ..host.addressing.clone() }, ..host });
    let toolchains = find_toolchains(&host, &settings)?;
    let platform = Arc::new(Platform { deploys: Deploys::new(host.clone()), toolchains });
    recover(&platform, log).await?;
    let listener = listen(&host.home.socket())?;
    log.info(&format!("control socket {}", host.home.socket().display()));
    let operations = Operations::new(platform.clone());
    let router = router::Watch::start(host, settings.clone(), log)?;
    let ending = Arc::default();
    let api = Api { platform, operations, isolation, log, router, ending };
    http::serve(listener, api).await
}

fn open_home(settings: &ServerSettings) -> Result<(Home, HomeLock), Failure> {
    let home = Home::open(&settings.home, &settings.run_base)?;
    let lock = home.lock()?;
    build::sweep(&home.tmp())?;
    Ok((home, lock))
}

pub fn level_name(level: Level) -> &'static str {
    match level {
        Level::Full => "full",
        Level::UserNamespace => "user-namespace",
    }
}

fn required(isolation: &Isolation, required: RequiredIsolation) -> Result<Level, Failure> {
    let missing = isolation.missing.first();
    let why = missing.map_or(String::new(), |missing| format!("{}: {}", missing.what, missing.why));
    let remedy = missing.and_then(|missing| missing.remedy.clone());
    let level = isolation.level.ok_or_else(|| {
        Failure::platform("this machine lets xii isolate nothing").why(why.clone())
    })?;
    let is_root = rustix::process::geteuid().is_root();
    if is_root && required == RequiredIsolation::Full && !isolation.is_full() {
        let best_effort = "or accept less with XII_ISOLATION=best-effort";
        return Err(Failure::platform("isolation is not full, so the server does not start")
            .why(why)
            .next(remedy.map_or(best_effort.to_string(), |r| format!("{r}; {best_effort}"))));
    }
    Ok(level)
}

fn open_host(settings: &ServerSettings, home: Home, level: Level) -> Result<Host, Failure> {
    let ledger = Ledger::open(&home.ledger())?;
    let key_path = settings.key_file.clone().unwrap_or_else(|| home.key());
    let key = Key::load_or_create(&key_path, &ledger)?;
    let is_root = rustix::process::geteuid().is_root();
    let block = Block::claim(&settings.run_base.join("blocks"), &home, &ledger, is_root)?;
    let client = Client::new(home.router_dir());
    let last = last_table(&home.router_dir());
    Ok(Host {
        routes: Routes::new(client, settings.lone, last),
        home,
        ledger,
        key,
        block,
        level,
        exe: settings.exe.clone(),
        addressing: Addressing { http: settings.http, base_domain: settings.base_domain.clone() },
        boots: Boots::of_this_machine(),
    })
}

/// What the server before this one published last.
fn last_table(router_dir: &Path) -> Option<Table> {
    let text = std::fs::read(router_dir.join("routes.json")).ok()?;
    serde_json::from_slice(&text).ok()
}

/// The firewall, where there is one. Without it the doctor says what that means.
fn protect(host: &Host, log: Log) -> Result<(), Failure> {
    let firewall = firewall::try_out();
    if host.level != Level::Full || firewall.is_err() {
        log.warn("no firewall: apps can reach each other's ports");
        return Ok(());
    }
    let rules = firewall::Rules {
        ports: host.block.ports.clone(),
        uids: host.block.uids.clone(),
        router_uid: host.uid_of("router")?,
        allowed: &[],
    };
    firewall::apply(host.home.id().as_str(), &rules)
}

fn find_toolchains(host: &Host, settings: &ServerSettings) -> Result<Toolchains, Failure> {
    Toolchains::find(&settings.path)
        .probe(&mut |command, line| crate::deploy::try_out(host, command, line))
}

/// Takes over from the server before: its instances, its operations, its one-offs.
async fn recover(platform: &Platform, log: Log) -> Result<(), Failure> {
    let host = platform.host();
    let interrupted = host.ledger.interrupt_operations(Timestamp::now())?;
    for operation in &interrupted {
        log.warn(&format!("operation {} ({}) was interrupted", operation.id, operation.kind));
    }
    let others = run::attach_all(&platform.deploys).await?;
    settle_one_offs(host, others)?;
    // Again, now that no build can write there any more.
    build::sweep(&host.home.tmp())?;
    crate::deploy::fail_pending(platform)?;
    sweep_cgroups(host, log);
    let deploys = host.ledger.deploys()?;
    let names: Vec<_> = deploys.iter().map(|record| record.deploy.clone()).collect();
    host.routes.keep_only(&names).await?;
    for record in deploys {
        let Some(serving) = crate::deploy::serving(platform, &record)? else { continue };
        match host.runnable(&record.deploy, serving) {
            Ok(runnable) => _ = platform.deploys.want(runnable, false)?,
            Err(failure) => log.error(&format!("{} cannot run: {failure}", record.deploy)),
        }
    }
    Ok(())
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

/// Cgroups without a keeper: what a crash of both server and keeper leaves.
fn sweep_cgroups(host: &Host, log: Log) {
    let known = |name: &str| {
        let keeper = name.parse();
        keeper.is_ok_and(|keeper: u64| host.home.instance_record(keeper).exists())
    };
    let home = format!("xii-{}", host.home.id());
    let patience = std::time::Duration::from_secs(2);
    for name in Hierarchies::of_this_machine().sweep(&home, known, patience) {
        log.warn(&format!("cgroup {home}/{name} cannot be removed"));
    }
}

fn listen(path: &Path) -> Result<UnixListener, Failure> {
    let failed = |error: std::io::Error| {
        Failure::platform(format!("cannot listen on {}", path.display())).because(error)
    };
    // We hold the home's lock, so nobody else listens there.
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let listener = UnixListener::bind(path).map_err(failed)?;
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(path, mode).map_err(failed)?;
    Ok(listener)
}
