//! How the server speaks to every router that is alive: the present one and any that drains.

use super::control::{Generation, InFlight, Key, ProbeRequest, RouterStatus, Span};
use super::probe::ProbeResult;
use super::stats::{Counts, Stats};
use super::table::{self, Table};
use super::wire::{CallError, call};
use crate::app::{DeployRef, Failure};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// More than enough for a router that lives; one that hangs must not hang a deploy for ever.
const PATIENCE: Duration = Duration::from_secs(10);

#[derive(Debug, Clone)]
pub struct Client {
    pub router_dir: PathBuf,
}

impl Client {
    pub fn new(router_dir: impl Into<PathBuf>) -> Self {
        Client { router_dir: router_dir.into() }
    }

    /// Makes `table` the one that every router uses, and every router to come. Returns when
    /// all that live have said so.
    pub async fn publish(&self, table: &Table) -> Result<(), Failure> {
        write_table(&self.router_dir, table)?;
        for answer in self.all::<_, Generation>("/table", table, PATIENCE).await? {
            if answer.generation < table.generation {
                let problem = format!("a router stayed at generation {}", answer.generation);
                return Err(Failure::internal(problem));
            }
        }
        Ok(())
    }

    /// Requests and WebSockets at an instance, over all routers.
    pub async fn in_flight(&self, key: &str) -> Result<InFlight, Failure> {
        let key = Key { key: key.to_string() };
        let answers = self.all::<_, InFlight>("/in-flight", &key, PATIENCE).await?;
        Ok(answers.into_iter().fold(InFlight::default(), |sum, one| InFlight {
            requests: sum.requests + one.requests,
            websockets: sum.websockets + one.websockets,
        }))
    }

    /// What a deploy's visitors met from `from` to `to`, seconds since 1970, both included.
    pub async fn stats(&self, deploy: &DeployRef, from: u64, to: u64) -> Result<Stats, Failure> {
        let span = Span { deploy: deploy.clone(), from, to };
        let mut sum = Counts::default();
        for counts in self.all::<_, Counts>("/stats", &span, PATIENCE).await? {
            sum.add(&counts);
        }
        Ok(sum.stats())
    }

    /// Says "going away" (1001) on every WebSocket of an instance and closes it.
    pub async fn close_websockets(&self, key: &str) -> Result<(), Failure> {
        let key = Key { key: key.to_string() };
        self.all::<_, serde_json::Value>("/close-websockets", &key, PATIENCE).await.map(drop)
    }

    /// One `GET` to an instance, made by the newest router.
    pub async fn probe(
        &self,
        address: SocketAddr,
        host: &str,
        path: &str,
        timeout: Duration,
    ) -> Result<ProbeResult, Failure> {
        let request = ProbeRequest {
            address,
            host: host.to_string(),
            path: path.to_string(),
            timeout_ms: timeout.as_millis() as u64,
        };
        for socket in self.sockets()?.iter().rev() {
            match call(socket, "/probe", &request, timeout + PATIENCE).await {
                Err(CallError::Dead(_)) => continue,
                answer => return Ok(answer?),
            }
        }
        Err(Failure::platform("no router is running").next("xii up"))
    }

    /// All routers that live, oldest first.
    pub async fn status(&self) -> Result<Vec<RouterStatus>, Failure> {
        self.all("/status", &(), PATIENCE).await
    }

    /// Ends every router now: for leftovers whose keeper is gone.
    pub async fn stop_routers(&self) -> Result<(), Failure> {
        self.all::<_, serde_json::Value>("/stop", &(), PATIENCE).await.map(drop)
    }

    /// Asks every router; sockets that nobody listens on are removed.
    async fn all<I: Serialize, O: DeserializeOwned>(
        &self,
        path: &str,
        body: &I,
        limit: Duration,
    ) -> Result<Vec<O>, Failure> {
        let mut answers = Vec::new();
        for socket in self.sockets()? {
            match call(&socket, path, body, limit).await {
                Ok(answer) => answers.push(answer),
                // Gone by now is as good as removed.
                Err(CallError::Dead(_)) => drop(std::fs::remove_file(&socket)),
                Err(error) => return Err(error.into()),
            }
        }
        Ok(answers)
    }

    fn sockets(&self) -> Result<Vec<PathBuf>, Failure> {
        let problem = |error| {
            let what = format!("cannot list the routers in {}", self.router_dir.display());
            Failure::platform(what).because(error)
        };
        let mut found = Vec::new();
        for entry in std::fs::read_dir(&self.router_dir).map_err(problem)? {
            let path = entry.map_err(problem)?.path();
            let number = path.file_stem().and_then(|stem| stem.to_str()?.parse::<u64>().ok());
            if let (Some(number), Some("sock")) =
                (number, path.extension().and_then(|e| e.to_str()))
            {
                found.push((number, path));
            }
        }
        found.sort();
        Ok(found.into_iter().map(|(_, path)| path).collect())
    }
}

/// Whole or not at all; a reboot may lose it, the server publishes again.
fn write_table(dir: &Path, table: &Table) -> Result<(), Failure> {
    let path = dir.join(table::FILE);
    let failed = |path: &Path, error| {
        Failure::platform(format!("cannot write {}", path.display())).because(error)
    };
    let next = dir.join(format!("{}.{}.next", table::FILE, std::process::id()));
    let text = serde_json::to_vec(table)
        .map_err(|error| Failure::internal("the routing table has no JSON").because(error))?;
    std::fs::write(&next, text).map_err(|error| failed(&next, error))?;
    std::fs::rename(&next, &path).map_err(|error| failed(&path, error))
}

/// What the keeper says about itself and its routers.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct KeeperStatus {
    pub pid: u32,
    pub http: SocketAddr,
    /// The router's pid.
    pub router: Option<i32>,
    pub ready: bool,
    /// Routers alive, draining ones included.
    pub routers: usize,
    pub restarts: u64,
}

/// How the keeper of the routers is spoken to.
#[derive(Debug, Clone)]
pub struct KeeperClient {
    pub socket: PathBuf,
}

impl KeeperClient {
    pub async fn status(&self) -> Result<KeeperStatus, Failure> {
        Ok(call(&self.socket, "/status", &(), PATIENCE).await?)
    }

    /// A new router takes over; returns when it serves. Drops no connection.
    pub async fn restart(&self) -> Result<(), Failure> {
        let limit = Duration::from_secs(30);
        Ok(call::<_, serde_json::Value>(&self.socket, "/restart", &(), limit).await.map(drop)?)
    }

    /// Ends routers and keeper; a keeper that is gone already is fine.
    pub async fn stop(&self) -> Result<(), Failure> {
        let limit = Duration::from_secs(30);
        match call::<_, serde_json::Value>(&self.socket, "/stop", &(), limit).await {
            Ok(_) | Err(CallError::Dead(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}
