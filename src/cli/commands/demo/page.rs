//! The page, asked for as a visitor asks.

use crate::app::Failure;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const PATIENCE: Duration = Duration::from_secs(30);

/// The whole answer to `GET /`; an error unless it is a 200.
pub async fn get(address: SocketAddr) -> Result<String, Failure> {
    let silent = |_| Failure::platform("the page does not answer").why("waited 30 s");
    let answer = tokio::time::timeout(PATIENCE, ask(address)).await.map_err(silent)?;
    let answer =
        answer.map_err(|error| Failure::platform("the page cannot be reached").because(error))?;
    match answer.starts_with("HTTP/1.1 200 ") {
        true => Ok(answer),
        false => {
            let first = answer.lines().next().unwrap_or("nothing").to_string();
            Err(Failure::platform("the page does not answer as it should").why(first))
        }
    }
}

async fn ask(address: SocketAddr) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET / HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
