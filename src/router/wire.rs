//! JSON over HTTP/1 over a unix socket: how routers and their keeper are spoken to.

use crate::app::Failure;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::convert::Infallible;
use std::path::Path;
use std::rc::Rc;
use std::time::Duration;
use tokio::net::{UnixListener, UnixStream};

/// A table of a hundred thousand instances fits.
const MOST: usize = 64 * 1024 * 1024;

/// Answers one request: its path and its body.
pub trait Answer {
    fn answer(&self, path: &str, body: Value) -> impl Future<Output = Result<Value, String>>;
}

/// Serves `answer` on this thread until dropped.
pub async fn serve<A: Answer + 'static>(listener: UnixListener, answer: Rc<A>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        };
        let answer = answer.clone();
        tokio::task::spawn_local(async move {
            let service = service_fn(move |request| {
                let answer = answer.clone();
                async move { Ok::<_, Infallible>(respond(&*answer, request).await) }
            });
            let builder = hyper::server::conn::http1::Builder::new();
            // A caller that went away needs no answer.
            let _ = builder.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn respond<A: Answer>(answer: &A, request: Request<Incoming>) -> Response<Full<Bytes>> {
    let path = request.uri().path().to_string();
    let said = match Limited::new(request.into_body(), MOST).collect().await {
        Ok(body) => match serde_json::from_slice(&body.to_bytes()) {
            Ok(body) => answer.answer(&path, body).await,
            Err(error) => Err(format!("the request is not JSON: {error}")),
        },
        Err(error) => Err(format!("the request did not arrive: {error}")),
    };
    let (status, value) = match said {
        Ok(value) => (StatusCode::OK, value),
        Err(text) => (StatusCode::BAD_REQUEST, Value::String(text)),
    };
    let mut response = Response::new(Full::new(Bytes::from(value.to_string())));
    *response.status_mut() = status;
    response
}

/// Why a call had no answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// Nobody listens: the socket was left behind.
    #[error("nobody listens on {0}")]
    Dead(String),
    /// It went away before it answered.
    #[error("{0}")]
    Lost(String),
    #[error("{0}")]
    Other(String),
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        Failure::platform("the router did not answer").because(error)
    }
}

/// One call.
pub async fn call<I: Serialize, O: DeserializeOwned>(
    socket: &Path,
    path: &str,
    body: &I,
    limit: Duration,
) -> Result<O, CallError> {
    let calls = async {
        loop {
            match converse(socket, path, body).await {
                // Either it lives, or the next attempt finds it dead.
                Err(CallError::Lost(_)) => tokio::time::sleep(Duration::from_millis(10)).await,
                answer => return answer,
            }
        }
    };
    match tokio::time::timeout(limit, calls).await {
        Ok(answer) => answer,
        Err(_) => Err(CallError::Other(format!("{}: no answer in {limit:?}", socket.display()))),
    }
}

async fn converse<I: Serialize, O: DeserializeOwned>(
    socket: &Path,
    path: &str,
    body: &I,
) -> Result<O, CallError> {
    let other = |error: &dyn std::fmt::Display| {
        CallError::Other(format!("{}{path}: {error}", socket.display()))
    };
    let stream = UnixStream::connect(socket).await.map_err(|error| match error.kind() {
        std::io::ErrorKind::ConnectionRefused | std::io::ErrorKind::NotFound => {
            CallError::Dead(socket.display().to_string())
        }
        _ => other(&error),
    })?;
    let body = serde_json::to_vec(body).map_err(|error| other(&error))?;
    let request = Request::builder()
        .method(Method::POST)
        .uri(path)
        .header("host", "xii")
        .body(Full::new(Bytes::from(body)))
        .map_err(|error| other(&error))?;
    let shaken = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await;
    let (mut sender, connection) = shaken.map_err(|error| other(&error))?;
    // It ends with the sender, whatever became of the request.
    tokio::spawn(connection);
    let lost =
        |error: hyper::Error| CallError::Lost(format!("{}{path}: {error}", socket.display()));
    let response = sender.send_request(request).await.map_err(lost)?;
    let status = response.status();
    let bytes = response.into_body().collect().await.map_err(lost)?.to_bytes();
    if !status.is_success() {
        return Err(other(&String::from_utf8_lossy(&bytes)));
    }
    serde_json::from_slice(&bytes).map_err(|error| other(&error))
}
