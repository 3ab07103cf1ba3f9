//! Clients that never stop, and count.

use super::harness::*;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

#[derive(Default)]
struct Counts {
    stop: AtomicBool,
    answered: AtomicU64,
    failures: Mutex<Vec<String>>,
}

pub struct Load {
    counts: Arc<Counts>,
    tasks: Vec<JoinHandle<()>>,
}

impl Load {
    /// `kept` connections that are reused, `fresh` clients with a new one for each request.
    pub fn start(address: SocketAddr, kept: usize, fresh: usize) -> Load {
        let counts = Arc::new(Counts::default());
        let mut tasks = Vec::new();
        for number in 0..kept + fresh {
            tasks.push(tokio::spawn(visit(address, number < kept, counts.clone())));
        }
        Load { counts, tasks }
    }

    /// Waits for that many more answers.
    pub async fn more(&self, count: u64) {
        let goal = self.counts.answered.load(Relaxed) + count;
        until("enough answers", async || {
            self.counts.answered.load(Relaxed) >= goal || !self.failures().is_empty()
        })
        .await;
    }

    fn failures(&self) -> Vec<String> {
        self.counts.failures.lock().unwrap().clone()
    }

    /// Ends; returns the number of answers and what went wrong.
    pub async fn stop(self) -> (u64, Vec<String>) {
        self.counts.stop.store(true, Relaxed);
        for task in self.tasks {
            task.await.unwrap();
        }
        let failures = std::mem::take(&mut *self.counts.failures.lock().unwrap());
        (self.counts.answered.load(Relaxed), failures)
    }
}

async fn visit(address: SocketAddr, kept: bool, counts: Arc<Counts>) {
    let header = if kept { "" } else { "Connection: close\r\n" };
    let mut stream = None;
    while !counts.stop.load(Relaxed) {
        let mut open = match stream.take() {
            Some(open) => open,
            None => TcpStream::connect(address).await.unwrap(),
        };
        let sent = open.write_all(get_request("/load", header).as_bytes()).await;
        let answer = match sent {
            Ok(()) => read_answer(&mut open).await,
            Err(_) => None,
        };
        match answer {
            Some(answer) if status(&answer) == 200 => {
                counts.answered.fetch_add(1, Relaxed);
                if kept && !answer.to_ascii_lowercase().contains("\r\nconnection: close") {
                    stream = Some(open);
                }
            }
            other => counts.failures.lock().unwrap().push(format!("{other:?}")),
        }
    }
}
