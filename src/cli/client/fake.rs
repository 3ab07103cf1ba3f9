//! A server of a few lines for tests: every request is answered by a function.

use super::Client;
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

pub struct Fake {
    folder: tempfile::TempDir,
    seen: Arc<Mutex<Vec<String>>>,
}

/// What to say, and what to do with the connection then.
pub enum Answer {
    Then(Vec<u8>, Next),
}

#[derive(Clone, Copy, PartialEq)]
pub enum Next {
    Close,
    /// Stay open and silent.
    Hold,
}

pub fn json(status: u16, value: &serde_json::Value) -> Answer {
    let body = value.to_string();
    let head = format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n\r\n", body.len());
    Answer::Then((head + &body).into_bytes(), Next::Close)
}

/// A stream of lines that is broken off, unless `whole`.
pub fn lines(lines: &[serde_json::Value], whole: bool, next: Next) -> Answer {
    let mut text = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_string();
    for line in lines {
        let line = format!("{line}\n");
        text += &format!("{:x}\r\n{line}\r\n", line.len());
    }
    if whole {
        text += "0\r\n\r\n";
    }
    Answer::Then(text.into_bytes(), next)
}

pub fn event(seq: u64, what: serde_json::Value) -> serde_json::Value {
    let mut event = what;
    event["seq"] = seq.into();
    event["at"] = "2026-11-20T15:13:46Z".into();
    event
}

impl Fake {
    /// `answer` gets `GET /v1/health` and how many requests came before.
    pub fn start(answer: impl Fn(&str, usize) -> Answer + Send + Sync + 'static) -> Fake {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("s")).unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let fake = Fake { folder, seen: seen.clone() };
        tokio::spawn(serve(listener, Arc::new(answer), seen));
        fake
    }

    pub fn client(&self) -> Client {
        Client::at(self.folder.path().join("s"))
    }

    /// `POST /v1/down {}`
    pub fn requests(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

type Answering = dyn Fn(&str, usize) -> Answer + Send + Sync;

async fn serve(listener: UnixListener, answer: Arc<Answering>, seen: Arc<Mutex<Vec<String>>>) {
    while let Ok((stream, _)) = listener.accept().await {
        let (answer, seen) = (answer.clone(), seen.clone());
        tokio::spawn(async move {
            let mut stream = BufReader::new(stream);
            let (line, body) = request(&mut stream).await;
            let before = {
                let mut seen = seen.lock().unwrap();
                seen.push(format!("{line} {body}").trim_end().to_string());
                seen.len() - 1
            };
            let Answer::Then(bytes, next) = answer(&line, before);
            stream.write_all(&bytes).await.unwrap();
            if next == Next::Hold {
                let mut rest = Vec::new();
                let _ = stream.read_to_end(&mut rest).await;
            }
        });
    }
}

async fn request(stream: &mut BufReader<UnixStream>) -> (String, String) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        assert!(stream.read_until(b'\n', &mut head).await.unwrap() > 0);
    }
    let head = String::from_utf8(head).unwrap();
    let length = head
        .lines()
        .find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok())
        .unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    let line = head.lines().next().unwrap().trim_end_matches(" HTTP/1.1").to_string();
    (line, String::from_utf8(body).unwrap())
}
