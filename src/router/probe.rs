//! One request to an instance, to see whether it is ready. Made by the router, because the
//! firewall lets nobody else reach it.

use bytes::Bytes;
use http_body_util::Empty;
use hyper::Request;
use hyper_util::rt::TokioIo;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;

/// How far a probe came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProbeResult {
    pub connected: bool,
    /// `None`: no answer in time, or none that is HTTP.
    pub status: Option<u16>,
}

pub async fn probe(address: SocketAddr, host: &str, path: &str, limit: Duration) -> ProbeResult {
    let mut result = ProbeResult::default();
    // Out of time is an answer as well: what was reached until then.
    let _ = tokio::time::timeout(limit, ask(address, host, path, &mut result)).await;
    result
}

async fn ask(address: SocketAddr, host: &str, path: &str, result: &mut ProbeResult) -> Option<()> {
    let stream = TcpStream::connect(address).await.ok()?;
    result.connected = true;
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.ok()?;
    let request = Request::get(path)
        .header("host", host)
        .header("user-agent", "xii-health")
        .header("connection", "close")
        .body(Empty::<Bytes>::new())
        .ok()?;
    // It ends with the sender, whatever became of the request.
    tokio::task::spawn_local(connection);
    let response = sender.send_request(request).await.ok()?;
    result.status = Some(response.status().as_u16());
    Some(())
}
