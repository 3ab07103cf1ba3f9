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
use crate::keeper::Record;
use crate::router::{Client, Table};
use crate::run::{self, Addressing, Deploys, Host, Routes};
use crate::sandbox::cgroup::Hierarchies;
use crate::sandbox::{self, Isolation, Level, firewall};
use crate::store::{Block, DeployRecord, Home, HomeLock, Ledger, OneOffKind, OneOffState};
use jiff::Timestamp;
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
    let api = Api { platform, operations, isolation, log, ending: Arc::default() };
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
    let block = Block::claim(&settings.run_base.join("blocks"), &home, &ledger)?;
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
    crate::deploy::fail_pending(platform)?;
    let others = run::attach_all(&platform.deploys).await?;
    settle_one_offs(host, &others)?;
    sweep_cgroups(host);
    let deploys = host.ledger.deploys()?;
    let names: Vec<_> = deploys.iter().map(|record| record.deploy.clone()).collect();
    host.routes.keep_only(&names).await?;
    for record in deploys {
        // One deploy that cannot run must not keep the others from it.
        if let Err(failure) = bring_back(platform, &record) {
            log.error(&format!("{} cannot run: {failure}", record.deploy));
        }
    }
    Ok(())
}

fn bring_back(platform: &Platform, record: &DeployRecord) -> Result<(), Failure> {
    let host = platform.host();
    // The command that ordered a restart has ended with its server, and said so.
    host.ledger.forget_restarts(&record.deploy)?;
    if let Some(serving) = crate::deploy::serving(platform, record)? {
        let runnable = host.runnable(&record.deploy, serving)?;
        platform.deploys.want(runnable, false)?;
    }
    Ok(())
}

/// A release phase that ended while no server looked is known by its record; one without a
/// record is not known, and is never repeated by itself.
fn settle_one_offs(host: &Host, records: &[Record]) -> Result<(), Failure> {
    for (_, one_off) in host.ledger.running_one_offs()? {
        let record = records.iter().find(|record| record.instance.keeper == one_off.keeper);
        let result = record.and_then(|record| record.result.as_ref());
        let running = record.is_some_and(Record::alive);
        let state = match (one_off.kind, result) {
            (_, Some(exit)) => OneOffState::Exited(exit.status()),
            // Left to itself: its row is settled by the next server.
            (OneOffKind::Release, None) if running => continue,
            _ => OneOffState::Unknown,
        };
        host.ledger.finish_one_off(one_off.id, state, Timestamp::now())?;
    }
    for record in records.iter().filter(|record| !record.alive()) {
        // Only its result was in it.
        let _ = std::fs::remove_file(host.home.instance_record(record.instance.keeper));
    }
    Ok(())
}

/// Cgroups without a keeper: what a crash of both server and keeper leaves.
fn sweep_cgroups(host: &Host) {
    let hierarchies = Hierarchies::of_this_machine();
    let home = format!("xii-{}", host.home.id());
    for name in hierarchies.list(&home) {
        let keeper = name.rsplit('/').next().and_then(|number| number.parse().ok());
        let known = keeper.is_some_and(|keeper: u64| host.home.instance_record(keeper).exists());
        if !known {
            let cgroup = hierarchies.cgroup(&name);
            cgroup.kill();
            cgroup.destroy(std::time::Duration::from_secs(2));
        }
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
