//! HTTP by hand: a test must see exactly what came.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

#[derive(Debug)]
pub struct Answer {
    /// 0 when the connection gave no answer.
    pub status: u16,
    pub head: String,
    pub body: String,
}

/// One request on a connection of its own.
pub fn get(address: &str, host: &str, path: &str) -> Answer {
    Client::open(address)
        .and_then(|mut client| client.get(host, path))
        .unwrap_or_else(|error| Answer { status: 0, head: String::new(), body: error.to_string() })
}

/// A connection that is kept.
pub struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    pub fn open(address: &str) -> std::io::Result<Client> {
        let stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        stream.set_nodelay(true)?;
        Ok(Client { stream: BufReader::new(stream) })
    }

    pub fn get(&mut self, host: &str, path: &str) -> std::io::Result<Answer> {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n"))?;
        self.answer()
    }

    pub fn post(&mut self, host: &str, path: &str, body: &str) -> std::io::Result<Answer> {
        let length = body.len();
        let head = format!("POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}");
        self.send(format!("{head}\r\n\r\n{body}"))?;
        self.answer()
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> std::io::Result<()> {
        self.stream.get_mut().write_all(bytes.as_ref())
    }

    pub fn read_exact(&mut self, bytes: &mut [u8]) -> std::io::Result<()> {
        self.stream.read_exact(bytes)
    }

    pub fn answer(&mut self) -> std::io::Result<Answer> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if self.stream.read_line(&mut head)? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
        }
        let value_of = |wanted: &str| {
            let mut headers = head.lines().filter_map(|line| line.split_once(':'));
            headers
                .find_map(|(name, value)| name.eq_ignore_ascii_case(wanted).then(|| value.trim()))
        };
        let body = match (value_of("content-length"), value_of("transfer-encoding")) {
            (Some(length), _) => self.exactly(length.parse().unwrap_or(0))?,
            (None, Some(_)) => self.chunks()?,
            (None, None) => Vec::new(),
        };
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or(0);
        Ok(Answer { status, head, body: String::from_utf8_lossy(&body).into_owned() })
    }

    fn exactly(&mut self, length: usize) -> std::io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        self.stream.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn chunks(&mut self) -> std::io::Result<Vec<u8>> {
        let mut body = Vec::new();
        loop {
            let mut size = String::new();
            self.stream.read_line(&mut size)?;
            let size = usize::from_str_radix(size.trim(), 16).map_err(std::io::Error::other)?;
            body.extend(self.exactly(size)?);
            let _ = self.exactly(2)?;
            if size == 0 {
                return Ok(body);
            }
        }
    }
}
