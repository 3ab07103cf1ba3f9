//! A package registry of a test's own, with one package, that can break off in the middle.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

pub struct Registry {
    port: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    broken: AtomicBool,
    ended: AtomicBool,
    downloads: AtomicUsize,
}

const FILE: &str = "/nine-1.0-py3-none-any.whl";

impl Registry {
    pub fn start() -> Registry {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State::default());
        let serving = state.clone();
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                if serving.ended.load(Ordering::Relaxed) {
                    return;
                }
                let _ = connection.and_then(|connection| answer(connection, &serving));
            }
        });
        Registry { port, state }
    }

    pub fn index(&self) -> String {
        format!("http://127.0.0.1:{}/simple", self.port)
    }

    /// From now on files end after their first bytes.
    pub fn break_off(&self) {
        self.state.broken.store(true, Ordering::Relaxed);
    }

    pub fn downloads(&self) -> usize {
        self.state.downloads.load(Ordering::Relaxed)
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.state.ended.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

fn answer(mut connection: TcpStream, state: &State) -> std::io::Result<()> {
    let mut lines = BufReader::new(connection.try_clone()?).lines();
    let first = lines.next().transpose()?.unwrap_or_default();
    let path = first.split(' ').nth(1).unwrap_or_default().to_string();
    while lines.next().transpose()?.is_some_and(|line| !line.is_empty()) {}
    let (status, kind, body) = match path.as_str() {
        "/simple/nine/" => {
            let link = format!("<!DOCTYPE html><a href=\"{FILE}\">{}</a>", &FILE[1..]);
            ("200 OK", "text/html", link.into_bytes())
        }
        FILE => {
            state.downloads.fetch_add(1, Ordering::Relaxed);
            ("200 OK", "application/zip", include_bytes!("nine.whl").to_vec())
        }
        _ => ("404 Not Found", "text/plain", b"no such package".to_vec()),
    };
    let length = body.len();
    let head = format!("HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nConnection: close\r\n");
    connection.write_all(head.as_bytes())?;
    if path == FILE && state.broken.load(Ordering::Relaxed) {
        // Chunks, of which the last one never comes: no client takes that for the whole.
        let half = &body[..length / 2];
        connection
            .write_all(format!("Transfer-Encoding: chunked\r\n\r\n{length:x}\r\n").as_bytes())?;
        return connection.write_all(half);
    }
    connection.write_all(format!("Content-Length: {length}\r\n\r\n").as_bytes())?;
    connection.write_all(&body)
}
