//! The router's keeper, seen from the server: found running, or started, and started again
//! should it die. It is never ended with the server.

use super::log::Log;
use super::settings::ServerSettings;
use crate::app::Failure;
use crate::router::{KeepRouterRecord, KeepRouterSpec, Timing, is_kept, last_http, start};
use crate::run::Host;
use crate::sandbox::{Level, User, process};
use crate::store::Home;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A keeper that an earlier server had begun to start is waited for.
const START: Duration = Duration::from_secs(20);
/// Between two attempts.
const PAUSE: Duration = Duration::from_millis(500);

fn record_path(home: &Home) -> PathBuf {
    home.run_dir().join("router.json")
}

/// The keeper that runs, if one does.
pub fn found(home: &Home) -> Option<KeepRouterRecord> {
    KeepRouterRecord::read(&record_path(home))
}

/// Where the router listens; it is started when it does not run. Blocks until it serves.
pub fn ensure(host: &Host, settings: &ServerSettings) -> Result<SocketAddr, Failure> {
    let path = record_path(&host.home);
    let deadline = Instant::now() + START;
    while is_kept(&path) && Instant::now() < deadline {
        if let Some(record) = found(&host.home) {
            return Ok(record.http);
        }
        pause(Duration::from_millis(5));
    }
    let log = std::fs::File::options()
        .create(true)
        .append(true)
        .open(host.home.dir().join("router.log"))
        .map_err(|error| Failure::platform("cannot open the router's log").because(error))?;
    // With port 0 any port will do, but visitors know the one it had.
    let last = last_http(&path).filter(|_| settings.http.port() == 0);
    let again = last.and_then(|last| start(&spec(host, settings, last).ok()?, &log).ok());
    match again {
        Some(record) => Ok(record.http),
        None => Ok(start(&spec(host, settings, settings.http)?, &log)?.http),
    }
}

fn spec(
    host: &Host,
    settings: &ServerSettings,
    http: SocketAddr,
) -> Result<KeepRouterSpec, Failure> {
    let user = match host.level {
        Level::Full => {
            let uid = host.uid_of("router")?;
            Some(User { uid, gid: uid })
        }
        Level::UserNamespace => None,
    };
    Ok(KeepRouterSpec {
        v: 1,
        http,
        threads: std::thread::available_parallelism().map_or(1, usize::from),
        router_dir: host.home.router_dir(),
        logs_dir: host.home.logs(),
        socket: host.home.run_dir().join("router.sock"),
        record: record_path(&host.home),
        exe: settings.exe.clone(),
        user,
        timing: Timing::default(),
        cgroup: (host.level == Level::Full && host.limits).then(|| host.home.cgroup()),
    })
}

/// Sees to it that there is a keeper for as long as the server lives.
#[derive(Clone)]
pub struct Watch {
    /// False once `xii down` has asked for the end.
    wanted: Arc<Mutex<bool>>,
}

impl Watch {
    pub fn start(host: Arc<Host>, settings: ServerSettings, log: Log) -> Result<Watch, Failure> {
        let watch = Watch { wanted: Arc::new(Mutex::new(true)) };
        let watching = watch.clone();
        // A thread of its own: it ends with the process, and nobody waits for it.
        std::thread::Builder::new()
            .name("router".to_string())
            .spawn(move || watching.run(&host, &settings, log))
            .map_err(|error| Failure::platform("cannot start a thread").because(error))?;
        Ok(watch)
    }

    fn run(&self, host: &Host, settings: &ServerSettings, log: Log) {
        loop {
            wait_for_the_end(&host.home);
            // Held while starting: `down` must not miss a keeper that is on its way.
            let wanted = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
            if !*wanted {
                return;
            }
            let started = ensure(host, settings);
            drop(wanted);
            match started {
                Ok(http) => log.warn(&format!("the router's keeper was gone; router on {http}")),
                Err(failure) => {
                    log.error(&format!("the router's keeper is gone: {failure}"));
                    pause(PAUSE);
                }
            }
        }
    }

    /// Ends the router and its keeper for good; the last step of `xii down`. Blocks.
    pub fn stop(&self, home: &Home) {
        *self.wanted.lock().unwrap_or_else(PoisonError::into_inner) = false;
        let Some(keeper) = found(home).and_then(|record| hold(&record)) else { return };
        // SIGTERM: it drains its router first.
        let _ = keeper.terminate();
        keeper.wait(Duration::from_secs(60));
    }
}

#[expect(clippy::disallowed_methods, reason = "a file that appears wakes nobody")]
fn pause(duration: Duration) {
    std::thread::sleep(duration);
}

fn hold(record: &KeepRouterRecord) -> Option<process::Other> {
    process::Other::open(i32::try_from(record.pid).ok()?, record.start_time)
}

fn wait_for_the_end(home: &Home) {
    if let Some(keeper) = found(home).and_then(|record| hold(&record)) {
        while !keeper.wait(Duration::from_secs(3600)) {}
    }
}
