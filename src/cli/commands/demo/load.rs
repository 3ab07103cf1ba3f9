//! Visitors who keep asking: most on connections they keep, one on a fresh one each time.
//! What a browser would repeat is repeated; everything else that goes wrong is counted.

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;

pub const VISITORS: usize = 6;
const PAUSE: Duration = Duration::from_millis(10);
const PATIENCE: Duration = Duration::from_secs(30);

pub struct Load {
    stop: watch::Sender<bool>,
    visitors: JoinSet<Tally>,
}

#[derive(Debug, Default)]
pub struct Tally {
    pub answered: u64,
    pub failed: u64,
    pub first_failure: Option<String>,
}

impl Tally {
    pub fn asked(&self) -> u64 {
        self.answered + self.failed
    }

    fn record(&mut self, result: Result<(), String>) {
        match result {
            Ok(()) => self.answered += 1,
            Err(why) => {
                self.failed += 1;
                self.first_failure.get_or_insert(why);
            }
        }
    }

    fn add(&mut self, other: Tally) {
        self.answered += other.answered;
        self.failed += other.failed;
        self.first_failure = self.first_failure.take().or(other.first_failure);
    }
}

impl Load {
    pub fn start(address: SocketAddr) -> Load {
        let (stop, stopped) = watch::channel(false);
        let mut visitors = JoinSet::new();
        for number in 0..VISITORS {
            let keeps_connection = number > 0;
            visitors
                .spawn(Visitor { address, keeps_connection, kept: None }.visit(stopped.clone()));
        }
        Load { stop, visitors }
    }

    pub async fn stop(mut self) -> Tally {
        let _ = self.stop.send(true);
        let mut tally = Tally::default();
        while let Some(visited) = self.visitors.join_next().await {
            tally.add(visited.unwrap_or_else(|error| Tally {
                failed: 1,
                first_failure: Some(format!("a visitor gave up: {error}")),
                ..Tally::default()
            }));
        }
        tally
    }
}

struct Visitor {
    address: SocketAddr,
    keeps_connection: bool,
    kept: Option<SendRequest<Empty<Bytes>>>,
}

impl Visitor {
    async fn visit(mut self, stopped: watch::Receiver<bool>) -> Tally {
        let mut tally = Tally::default();
        while !*stopped.borrow() {
            let asked = tokio::time::timeout(PATIENCE, self.ask()).await;
            tally.record(asked.unwrap_or_else(|_| Err("no answer within 30 s".to_string())));
            tokio::time::sleep(PAUSE).await;
        }
        tally
    }

    async fn ask(&mut self) -> Result<(), String> {
        if let Some(mut kept) = self.kept.take().filter(|kept| !kept.is_closed()) {
            // A kept connection may be closed by the other side at any time, also in the
            // very moment of asking: then a GET is asked again, once, on a fresh one.
            if let Ok(response) = request(&mut kept, self.address).await {
                return self.finish(kept, response).await;
            }
        }
        let mut fresh = connect(self.address).await?;
        let response = request(&mut fresh, self.address)
            .await
            .map_err(|error| format!("a fresh connection broke before the answer: {error}"))?;
        self.finish(fresh, response).await
    }

    async fn finish(
        &mut self,
        connection: SendRequest<Empty<Bytes>>,
        response: hyper::Response<hyper::body::Incoming>,
    ) -> Result<(), String> {
        let status = response.status();
        let body = response.into_body().collect().await;
        body.map_err(|error| format!("the answer broke off: {error}"))?;
        if !status.is_success() {
            return Err(format!("answered {status}"));
        }
        self.kept = self.keeps_connection.then_some(connection);
        Ok(())
    }
}

async fn connect(address: SocketAddr) -> Result<SendRequest<Empty<Bytes>>, String> {
    let stream =
        TcpStream::connect(address).await.map_err(|error| format!("cannot connect: {error}"))?;
    let (sender, connection) =
        handshake(TokioIo::new(stream)).await.map_err(|error| format!("cannot begin: {error}"))?;
    tokio::spawn(connection);
    Ok(sender)
}

async fn request(
    connection: &mut SendRequest<Empty<Bytes>>,
    address: SocketAddr,
) -> hyper::Result<hyper::Response<hyper::body::Incoming>> {
    connection.ready().await?;
    let mut request = Request::new(Empty::new());
    let host = hyper::header::HeaderValue::from_str(&address.to_string());
    request.headers_mut().extend(host.ok().map(|host| (hyper::header::HOST, host)));
    connection.send_request(request).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    /// Answers requests, each with what `answer` says for its number.
    async fn server(answer: fn(u64) -> &'static str) -> (SocketAddr, Arc<AtomicU64>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(AtomicU64::new(0));
        let seen = requests.clone();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let requests = requests.clone();
                tokio::spawn(async move {
                    let mut buffer = [0; 4096];
                    while matches!(stream.read(&mut buffer).await, Ok(1..)) {
                        let answer = answer(requests.fetch_add(1, Ordering::SeqCst));
                        let sent = stream.write_all(answer.as_bytes()).await;
                        if sent.is_err() || answer.contains("connection: close") {
                            return;
                        }
                    }
                });
            }
        });
        (address, seen)
    }

    async fn tally_of(answer: fn(u64) -> &'static str) -> Tally {
        let (address, seen) = server(answer).await;
        let load = Load::start(address);
        let enough = async {
            while seen.load(Ordering::SeqCst) < 50 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, enough).await.unwrap();
        load.stop().await
    }

    const FINE: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";

    #[tokio::test]
    async fn good_answers_are_counted_and_nothing_fails() {
        let tally = tally_of(|_| FINE).await;
        assert!(tally.answered >= 50 && tally.failed == 0, "{tally:?}");
    }

    #[tokio::test]
    async fn an_error_and_a_half_answer_are_failures() {
        let tally = tally_of(|number| match number {
            10 => "HTTP/1.1 503 X\r\ncontent-length: 0\r\n\r\n",
            20 => "HTTP/1.1 200 OK\r\ncontent-length: 9\r\nconnection: close\r\n\r\nok",
            _ => FINE,
        })
        .await;
        assert!(tally.failed >= 1 && tally.first_failure.is_some(), "{tally:?}");
    }
}
