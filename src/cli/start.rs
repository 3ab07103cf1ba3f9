//! Starting a server in the background, and waiting until it answers.

use super::client::{Client, socket};
use super::settings::Settings;
use super::systemd;
use crate::app::Failure;
use crate::build::stack::Archive;
use crate::sandbox::process::Started;
use crate::sandbox::{Env, spawn_self};
use crate::server::RequiredIsolation;
use crate::server::api::Health;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::Instant;

const STARTS_WITHIN: Duration = Duration::from_secs(60);
const TAIL: usize = 12;

/// Starts the server of these settings, as systemd's where it is; it is there when this returns.
pub async fn up(settings: &Settings, lone: bool) -> Result<(Client, Health), Failure> {
    if systemd::start(settings, rustix::process::geteuid().is_root())? {
        let answer = answering(settings).await;
        return answer.ok_or_else(|| {
            Failure::platform("systemd has started the server, and it does not answer")
                .next("journalctl -u xii-server says more")
        });
    }
    start(settings, lone).await
}

/// Starts the server of these settings in the background.
pub async fn start(settings: &Settings, lone: bool) -> Result<(Client, Health), Failure> {
    let log = log_path(settings);
    let from = log.metadata().map_or(0, |metadata| metadata.len());
    let server = spawn(settings, lone, &log)?;
    let deadline = Instant::now() + STARTS_WITHIN;
    loop {
        if let Some(answer) = answering(settings).await {
            return Ok(answer);
        }
        if has_ended(&server) {
            let failure = Failure::platform("the server ended at its start");
            return Err(with_tail(failure, &log, from));
        }
        if Instant::now() > deadline {
            let failure = Failure::platform("the server does not answer, though it runs")
                .why(format!("waited {} s", STARTS_WITHIN.as_secs()));
            return Err(with_tail(failure, &log, from));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

pub fn log_path(settings: &Settings) -> PathBuf {
    settings.place.home.join("server.log")
}

async fn answering(settings: &Settings) -> Option<(Client, Health)> {
    let client = Client::at(socket(&settings.place)?);
    let health = client.get("/v1/health").await.ok()?;
    Some((client, health))
}

fn spawn(settings: &Settings, lone: bool, log: &Path) -> Result<Started, Failure> {
    let home = &settings.place.home;
    let cannot = |what: &Path, error| {
        Failure::platform(format!("cannot write {}", what.display())).because(error)
    };
    make_home(home).map_err(|error| cannot(home, error))?;
    let out =
        File::options().create(true).append(true).open(log).map_err(|error| cannot(log, error))?;
    let err: OwnedFd = out.try_clone().map_err(|error| cannot(log, error))?.into();
    let mut args = vec!["server", "--background"];
    args.extend(lone.then_some("--lone"));
    spawn_self(&settings.exe, &args, &environment(settings), vec![(1, out.into()), (2, err)])
        .map_err(|error| {
            let exe = settings.exe.display();
            Failure::platform(format!("cannot start {exe}")).because(error)
        })
}

/// As private as the server itself makes it.
pub fn make_home(home: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(home)
}

/// The server's settings as the environment it reads them from, and nothing else.
fn environment(settings: &Settings) -> Env {
    let mut env = Env::default();
    let isolation = match settings.isolation {
        RequiredIsolation::Full => "full",
        RequiredIsolation::BestEffort => "best-effort",
    };
    env.set("XII_HOME", settings.place.home.to_string_lossy());
    env.set("XII_HTTP", settings.http.to_string());
    env.set("XII_BASE_DOMAIN", settings.base_domain.clone());
    env.set("XII_ISOLATION", isolation);
    env.set("XII_LOG", settings.log_level.word());
    env.set("PATH", settings.path.clone());
    if let Some(cgroup) = &settings.cgroup {
        env.set("XII_CGROUP", cgroup);
    }
    if let Some(key_file) = &settings.key_file {
        env.set("XII_KEY_FILE", key_file.to_string_lossy());
    }
    if let Archive::Mirror(mirror) = &settings.archive {
        env.set("XII_DEBIAN_MIRROR", mirror);
    }
    for (name, value) in &settings.folders {
        env.set(name.clone(), value.clone());
    }
    env
}

fn has_ended(server: &Started) -> bool {
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    let handle = server.handle();
    matches!(poll(&mut [PollFd::new(&handle, PollFlags::IN)], Some(&now)), Ok(1..))
}

/// The last lines the server wrote since `from`.
fn with_tail(failure: Failure, log: &Path, from: u64) -> Failure {
    let text = std::fs::read(log).unwrap_or_default();
    let new = text.get(usize::try_from(from).unwrap_or(0)..).unwrap_or_default();
    let new = String::from_utf8_lossy(new);
    let lines: Vec<&str> = new.lines().collect();
    let last = &lines[lines.len().saturating_sub(TAIL)..];
    let failure = match last.is_empty() {
        true => failure,
        false => failure.why(format!("it said:\n{}", last.join("\n"))),
    };
    failure.next(format!("the whole log is {}", log.display()))
}
