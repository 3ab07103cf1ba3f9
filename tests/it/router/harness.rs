//! A router with its keeper in a folder of its own, and a client that speaks plain bytes.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use xii::router::{
    Client, KeepRouterRecord, KeepRouterSpec, KeeperClient, Service, State, Table, Target, Timing,
};

/// Long enough for a loaded machine; no test waits for it when all is well.
pub const PATIENCE: Duration = Duration::from_secs(30);

pub struct Edge {
    pub dir: tempfile::TempDir,
    pub process: Process,
    pub address: SocketAddr,
    pub client: Client,
    pub keeper: KeeperClient,
    pub spec: KeepRouterSpec,
    generation: AtomicU64,
}

pub fn quick() -> Timing {
    Timing { drain_ms: 20_000, close_ms: 1_000, orphan_ms: 500, ..Timing::default() }
}

impl Edge {
    pub async fn start() -> Edge {
        Edge::with(quick()).await
    }

    pub async fn with(timing: Timing) -> Edge {
        Edge::edited(timing, |_| {}).await
    }

    pub async fn edited(timing: Timing, edit: impl FnOnce(&mut KeepRouterSpec)) -> Edge {
        let dir = tempfile::tempdir().unwrap();
        let mut spec = KeepRouterSpec {
            cgroup: None,
            v: 1,
            http: "127.0.0.1:0".parse().unwrap(),
            threads: 2,
            router_dir: dir.path().join("router"),
            logs_dir: dir.path().join("logs"),
            socket: dir.path().join("keep-router.sock"),
            record: dir.path().join("keep-router.json"),
            exe: PathBuf::from(env!("CARGO_BIN_EXE_xii")),
            user: None,
            timing,
        };
        edit(&mut spec);
        let process = Process(start_keeper(&spec));
        let keeper = KeeperClient { socket: spec.socket.clone() };
        until("the router is ready", async || {
            keeper.status().await.is_ok_and(|status| status.ready)
        })
        .await;
        until("the keeper has its record", async || spec.record.exists()).await;
        let record = KeepRouterRecord::read(&spec.record).unwrap();
        let client = Client::new(&spec.router_dir);
        let generation = AtomicU64::new(0);
        Edge { dir, process, address: record.http, client, keeper, spec, generation }
    }

    /// Publishes one service, `shop.localhost`, on these upstreams.
    pub async fn publish(&self, upstreams: &[SocketAddr]) {
        self.publish_state(State::Serving, &keyed(upstreams)).await;
    }

    pub async fn publish_state(&self, state: State, targets: &[Target]) {
        let table = Table {
            generation: self.generation.fetch_add(1, Ordering::Relaxed) + 1,
            services: vec![Service {
                deploy: "shop".parse().unwrap(),
                hosts: vec!["shop.localhost".into()],
                instances: targets.to_vec(),
                state,
            }],
            alone: None,
        };
        self.client.publish(&table).await.unwrap();
    }

    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends bytes and reads until the router closes the connection.
    pub async fn exchange(&self, request: impl AsRef<[u8]>) -> String {
        let mut stream = self.connect().await;
        stream.write_all(request.as_ref()).await.unwrap();
        read_all(&mut stream).await
    }

    /// A `GET` of its own connection.
    pub async fn get(&self, path: &str) -> String {
        self.exchange(get_request(path, "Connection: close\r\n")).await
    }

    /// Everything in the logs of `shop/production`.
    pub fn log(&self) -> String {
        let mut text = String::new();
        collect(&self.dir.path().join("logs/shop/production"), &mut text);
        text
    }

    /// Waits until the log has a line with all of `parts`; returns it.
    pub async fn line(&self, parts: &[&str]) -> String {
        let found = || {
            let log = self.log();
            log.lines()
                .find(|line| parts.iter().all(|part| line.contains(part)))
                .map(str::to_string)
        };
        until(&format!("a log line with {parts:?}"), async || found().is_some()).await;
        found().unwrap()
    }
}

/// A keeper that does not outlive its test.
pub struct Process(pub Child);

impl Drop for Process {
    /// Ends the keeper and with it the router.
    fn drop(&mut self) {
        let pid = self.0.id().to_string();
        let _ = Command::new("kill").arg(&pid).stderr(Stdio::null()).status();
        let until = Instant::now() + Duration::from_secs(10);
        while Instant::now() < until {
            if !matches!(self.0.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub fn start_keeper(spec: &KeepRouterSpec) -> Child {
    let mut process = Command::new(env!("CARGO_BIN_EXE_xii"))
        .arg("keep-router")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    serde_json::to_writer(process.stdin.take().unwrap(), spec).unwrap();
    process
}

pub fn keyed(upstreams: &[SocketAddr]) -> Vec<Target> {
    let targets = upstreams.iter().zip(1..);
    targets
        .map(|(address, n)| Target {
            key: format!("web.{n}#{}", address.port()),
            address: *address,
        })
        .collect()
}

pub fn get_request(path: &str, headers: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: shop.localhost\r\n{headers}\r\n")
}

/// The status of an answer.
pub fn status(answer: &str) -> u16 {
    answer.get(9..12).and_then(|text| text.parse().ok()).unwrap_or(0)
}

pub async fn read_all(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    // A reset after the answer is an end as well.
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut bytes)).await.expect("an end");
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Reads one answer with a Content-Length from a connection that stays open.
pub async fn read_answer(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        if let Some(end) = bytes.windows(4).position(|part| part == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let length: usize = length.map_or(0, |text| text.trim().parse().unwrap());
            if bytes.len() >= end + 4 + length {
                return Some(String::from_utf8_lossy(&bytes).into_owned());
            }
        }
        match tokio::time::timeout(PATIENCE, stream.read(&mut buffer)).await.expect("an answer") {
            Ok(count) if count > 0 => bytes.extend_from_slice(&buffer[..count]),
            _ => return None,
        }
    }
}

pub async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !condition().await {
        assert!(Instant::now() < end, "never came true: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn collect(dir: &Path, text: &mut String) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        match path.is_dir() {
            true => collect(&path, text),
            false => text.push_str(&std::fs::read_to_string(&path).unwrap_or_default()),
        }
    }
}
