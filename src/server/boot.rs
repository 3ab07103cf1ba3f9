//! The server's start, as a boot log: home, ledger, isolation, router, instances, API.

use super::http::{self, Api, End};
use super::log::Log;
use super::operations::Operations;
use super::recover::recover;
use super::router;
use super::settings::{RequiredIsolation, ServerSettings};
use crate::app::Failure;
use crate::build::{self, Toolchains};
use crate::config::Key;
use crate::deploy::Platform;
use crate::router::{Client, Table};
use crate::run::{Addressing, Boots, Deploys, Host, Routes};
use crate::sandbox::cgroup::Hierarchies;
use crate::sandbox::{self, Isolation, Level, firewall};
use crate::store::{Block, Home, HomeLock, Ledger};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::UnixListener;

/// A connection for each instance, and for everybody who looks; tools that try them all, one by
/// one, are still quick.
const MOST_DESCRIPTORS: u64 = 65_536;
/// From the death of a server to the end of its lock.
const DEAD_WITHIN: Duration = Duration::from_secs(5);

/// Runs the server until SIGTERM, SIGINT or `xii down`. Instances and the router stay, but
/// for `down`.
pub fn main(settings: ServerSettings, log: Log) -> Result<(), Failure> {
    sandbox::identity::leave_no_core()
        .map_err(|error| Failure::platform("cannot rule out core dumps").because(error))?;
    if let Err(error) = sandbox::identity::open_many_files(MOST_DESCRIPTORS) {
        log.warn(&format!("the limit of open descriptors stays as it is: {error}"));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::platform("cannot start the server's threads").because(error))?;
    runtime.block_on(run(settings, log))
}

async fn run(settings: ServerSettings, log: Log) -> Result<(), Failure> {
    let (home, _lock) = open_home(&settings).await?;
    log.info(&format!("home {} ({})", home.dir().display(), home.id()));
    let isolation = sandbox::probe(&settings.exe, settings.cgroup.as_deref());
    let level = required(&isolation, settings.isolation)?;
    log.info(&format!("isolation {isolation}"));
    let host = open_host(&settings, home, level, &isolation)?;
    protect(&host, &isolation, log)?;
    let http = router::ensure(&host, &settings)?;
    log.info(&format!("router on http://{http}"));
    let host =
        Arc::new(Host { addressing: Addressing { http, ..host.addressing.clone() }, ..host });
    let found = find_toolchains(&host, &settings);
    let deploys = Deploys::new(host.clone());
    let platform = Arc::new(Platform::new(deploys, found, settings.archive.clone()));
    if let Err(failure) = platform.toolchains() {
        log.warn(&format!("nothing can be built yet: {failure}"));
    }
    recover(&platform, log).await?;
    let listener = listen(&host.home.socket())?;
    log.info(&format!("control socket {}", host.home.socket().display()));
    let operations = Operations::new(platform.clone());
    let run_dir = host.home.run_dir().to_path_buf();
    let router = router::Watch::start(host, settings.clone(), log)?;
    let ending = Arc::default();
    super::notify::ready(settings.notify.as_deref(), log);
    let api = Api { platform, operations, isolation, log, router, ending };
    if http::serve(listener, api).await? == End::Down {
        // Nothing is left that could be found by it. At the next start it is made anew.
        let _ = std::fs::remove_dir_all(run_dir);
    }
    Ok(())
}

async fn open_home(settings: &ServerSettings) -> Result<(Home, HomeLock), Failure> {
    let home = Home::open(&settings.home, &settings.run_base)?;
    let home = home.with_cgroup_base(delegated(settings)?);
    let deadline = Instant::now() + DEAD_WITHIN;
    let lock = loop {
        match home.lock() {
            Ok(lock) => break lock,
            // A killed server holds it until the kernel has taken it apart.
            Err(_) if !holder_lives(&home) && Instant::now() < deadline => {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
            Err(failure) => return Err(failure),
        }
    };
    build::sweep(&home.tmp())?;
    Ok((home, lock))
}

/// The cgroup that was given to us: it must be there, and of the kind that can be given.
fn delegated(settings: &ServerSettings) -> Result<Option<&str>, Failure> {
    let Some(name) = settings.cgroup.as_deref() else { return Ok(None) };
    let machine = Hierarchies::of_this_machine();
    let root = machine.unified.as_deref().filter(|_| machine.is_v2_alone());
    let why = match root {
        None => "it needs cgroup v2 alone, and this machine has v1 hierarchies".to_string(),
        Some(root) if root.join(name.trim_start_matches('/')).is_dir() => return Ok(Some(name)),
        Some(root) => format!("{}{name} is not there", root.display()),
    };
    Err(Failure::platform(format!("apps cannot run in XII_CGROUP={name}"))
        .why(why)
        .next("start the unit that it belongs to, or unset XII_CGROUP"))
}

/// Without a pid to ask about, it does.
fn holder_lives(home: &Home) -> bool {
    Home::last_holder(home.dir()).is_none_or(|pid| sandbox::process::start_time(pid).is_some())
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

fn open_host(
    settings: &ServerSettings,
    home: Home,
    level: Level,
    isolation: &Isolation,
) -> Result<Host, Failure> {
    home.ledger_not_lost()?;
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
        limits: isolation.limits,
        guards_ports: isolation.ports,
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
fn protect(host: &Host, isolation: &Isolation, log: Log) -> Result<(), Failure> {
    if host.level != Level::Full || !isolation.firewall {
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

fn find_toolchains(host: &Host, settings: &ServerSettings) -> Toolchains {
    let makes_stacks = host.level == Level::Full;
    Toolchains { makes_stacks, ..Toolchains::find(&settings.path) }
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
