//! The router's keeper, seen from the server: found running, or started. It is never ended
//! with the server.

use super::settings::ServerSettings;
use crate::app::Failure;
use crate::router::{KeepRouterRecord, KeepRouterSpec, Timing};
use crate::run::Host;
use crate::sandbox::process::{self, Started};
use crate::sandbox::{Env, Level, User};
use crate::store::Home;
use rustix::pipe::{PipeFlags, pipe_with};
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

const START: Duration = Duration::from_secs(20);

fn record_path(home: &Home) -> PathBuf {
    home.run_dir().join("router.json")
}

/// The keeper that runs, if one does.
pub fn found(home: &Home) -> Option<KeepRouterRecord> {
    let text = std::fs::read(record_path(home)).ok()?;
    let record: KeepRouterRecord = serde_json::from_slice(&text).ok()?;
    let pid = i32::try_from(record.pid).ok()?;
    let alive = process::start_time(pid) == Some(record.start_time)
        && process::boot_id().is_ok_and(|boot| boot == record.boot_id);
    alive.then_some(record)
}

/// Where the router listens; it is started when it does not run.
pub async fn ensure(host: &Host, settings: &ServerSettings) -> Result<SocketAddr, Failure> {
    if let Some(record) = found(&host.home) {
        return Ok(record.http);
    }
    let keeper = start(host, settings)?;
    let deadline = Instant::now() + START;
    while Instant::now() < deadline && process::start_time(keeper.pid()).is_some() {
        if let Some(record) = found(&host.home) {
            return Ok(record.http);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Err(Failure::platform(format!("the router did not start on {}", settings.http))
        .why(last_words(&host.home))
        .next("choose another address with XII_HTTP, or end what listens there"))
}

/// The end of what the router's keeper has printed.
fn last_words(home: &Home) -> String {
    let text = std::fs::read_to_string(home.dir().join("router.log")).unwrap_or_default();
    let last = text.lines().rfind(|line| !line.trim().is_empty());
    last.map_or("it printed nothing".to_string(), str::to_string)
}

fn start(host: &Host, settings: &ServerSettings) -> Result<Started, Failure> {
    let user = match host.level {
        Level::Full => {
            let uid = host.uid_of("router")?;
            Some(User { uid, gid: uid })
        }
        Level::UserNamespace => None,
    };
    let spec = KeepRouterSpec {
        v: 1,
        http: settings.http,
        threads: std::thread::available_parallelism().map_or(1, usize::from),
        router_dir: host.home.router_dir(),
        logs_dir: host.home.logs(),
        socket: host.home.run_dir().join("router.sock"),
        record: record_path(&host.home),
        exe: settings.exe.clone(),
        user,
        timing: Timing::default(),
    };
    let failed = |error: std::io::Error| {
        Failure::platform("cannot start the router's keeper").because(error)
    };
    let (stdin, spec_end) = pipe_with(PipeFlags::CLOEXEC).map_err(|error| failed(error.into()))?;
    let log = std::fs::File::options()
        .create(true)
        .append(true)
        .open(host.home.dir().join("router.log"))
        .map_err(failed)?;
    let descriptors = vec![(0, stdin), (2, log.into())];
    let keeper = process::spawn_self(&settings.exe, &["keep-router"], &Env::default(), descriptors)
        .map_err(failed)?;
    let text = serde_json::to_vec(&spec)
        .map_err(|error| Failure::internal("a router's spec cannot be written").because(error))?;
    std::fs::File::from(spec_end).write_all(&text).map_err(failed)?;
    Ok(keeper)
}

/// Ends the router and its keeper; the last step of `xii down`.
pub fn stop(home: &Home) {
    let Some(record) = found(home) else { return };
    let Ok(pid) = i32::try_from(record.pid) else { return };
    if let Some(keeper) = process::Other::open(pid, record.start_time) {
        // SIGTERM: it drains its router first.
        let _ = keeper.terminate();
        keeper.wait(Duration::from_secs(60));
    }
}
