//! The command line's side of the control socket: typed requests, and one shape of error.

mod body;
mod download;
#[cfg(test)]
pub mod fake;
mod find;
mod follow;
mod lines;

pub use body::{Payload, Upload};
pub use download::download;
pub use find::{find, socket, start_line};
pub use follow::{Ending, Followed, Interrupts, follow};
pub use lines::Lines;

use crate::app::Failure;
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::path::{Path, PathBuf};
use tokio::net::UnixStream;

/// A server, by its socket. Every request has a connection of its own: they cost nothing
/// here, and a restarted server needs no special care.
#[derive(Debug, Clone)]
pub struct Client {
    socket: PathBuf,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// Nobody listens.
    #[error("no server answers at {socket}")]
    Absent { socket: String, source: std::io::Error },
    /// The connection broke before the answer was complete.
    #[error("the connection to the server broke")]
    Cut(#[source] hyper::Error),
    /// The server said no.
    #[error("{0}")]
    Refused(Failure),
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Failure {
        match trouble {
            Trouble::Refused(failure) => failure,
            Trouble::Absent { ref source, .. }
                if source.kind() == std::io::ErrorKind::PermissionDenied =>
            {
                Failure::platform("this user may not talk to the server")
                    .because(trouble)
                    .next("run the command as the user of the server, or with sudo")
            }
            Trouble::Absent { .. } => {
                Failure::platform("no xii server is running").because(trouble).next("xii up")
            }
            Trouble::Cut(_) => {
                Failure::platform("the server went away").because(trouble).next("xii status")
            }
        }
    }
}

impl Client {
    pub fn at(socket: impl Into<PathBuf>) -> Client {
        Client { socket: socket.into() }
    }

    pub fn socket(&self) -> &Path {
        &self.socket
    }

    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Trouble> {
        read(self.send(request(Method::GET, path, Payload::empty())).await?).await
    }

    pub async fn delete<T: DeserializeOwned>(&self, path: &str) -> Result<T, Trouble> {
        read(self.send(request(Method::DELETE, path, Payload::empty())).await?).await
    }

    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Trouble> {
        let body = serde_json::to_vec(body).map_err(|error| {
            Trouble::Refused(Failure::internal("the request cannot be written").because(error))
        })?;
        read(self.send(request(Method::POST, path, Payload::whole(body))).await?).await
    }

    /// Posts a stream of bytes.
    pub async fn upload<T: DeserializeOwned>(
        &self,
        path: &str,
        body: Payload,
    ) -> Result<T, Trouble> {
        read(self.send(request(Method::POST, path, body)).await?).await
    }

    /// Lines as they come, until the server ends them.
    pub async fn lines(&self, path: &str) -> Result<Lines, Trouble> {
        let response = self.send(request(Method::GET, path, Payload::empty())).await?;
        Ok(Lines::of(response.into_body()))
    }

    /// Sends a request; an answer that says no becomes [`Trouble::Refused`].
    pub async fn send(&self, request: Request<Payload>) -> Result<Response<Incoming>, Trouble> {
        let stream = UnixStream::connect(&self.socket).await.map_err(|source| Trouble::Absent {
            socket: self.socket.display().to_string(),
            source,
        })?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(Trouble::Cut)?;
        tokio::spawn(connection.with_upgrades());
        let response = sender.send_request(request).await.map_err(Trouble::Cut)?;
        if response.status().as_u16() < 400 {
            return Ok(response);
        }
        let status = response.status();
        let body = whole(response).await?;
        Err(Trouble::Refused(serde_json::from_slice(&body).unwrap_or_else(|_| {
            Failure::internal(format!("the server answered {status}"))
                .why(String::from_utf8_lossy(&body).into_owned())
        })))
    }
}

pub fn request(method: Method, path: &str, body: Payload) -> Request<Payload> {
    let mut request = Request::new(body);
    *request.method_mut() = method;
    // Paths are made of validated names and encoded queries; an odd one is refused as `/`.
    *request.uri_mut() = path.parse().unwrap_or_default();
    let headers = request.headers_mut();
    headers.insert("host", hyper::header::HeaderValue::from_static("xii"));
    headers.insert("content-type", hyper::header::HeaderValue::from_static("application/json"));
    request
}

async fn whole(response: Response<Incoming>) -> Result<Bytes, Trouble> {
    Ok(response.into_body().collect().await.map_err(Trouble::Cut)?.to_bytes())
}

async fn read<T: DeserializeOwned>(response: Response<Incoming>) -> Result<T, Trouble> {
    let body = whole(response).await?;
    serde_json::from_slice(&body).map_err(|error| {
        let failure = Failure::platform("the server's answer was not understood").because(error);
        Trouble::Refused(failure.next("xii down && xii up, when xii has been upgraded"))
    })
}

/// `("a", "b c")` → `a=b%20c`
pub fn query(pairs: &[(&str, &str)]) -> String {
    let encoded: Vec<String> =
        pairs.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
    encoded.join("&")
}

fn encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests;
