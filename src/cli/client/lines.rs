//! A body that is read line by line.

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;

pub struct Lines {
    body: Incoming,
    held: Vec<u8>,
    /// How much of `held` has been looked through without finding an end of line.
    seen: usize,
}

impl Lines {
    pub fn of(body: Incoming) -> Lines {
        Lines { body, held: Vec::new(), seen: 0 }
    }

    /// The next line without its end; `None` when the server has ended the stream. Half a
    /// line is one only when the stream was ended, not when it was cut.
    ///
    /// Cancel-safe: what was read stays in `held`.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, hyper::Error> {
        loop {
            if let Some(line) = self.take() {
                return Ok(Some(line));
            }
            match self.body.frame().await {
                Some(frame) => {
                    let data = frame?.into_data().unwrap_or_else(|_| Bytes::new());
                    self.held.extend_from_slice(&data);
                }
                None if self.held.is_empty() => return Ok(None),
                None => return Ok(Some(std::mem::take(&mut self.held))),
            }
        }
    }

    fn take(&mut self) -> Option<Vec<u8>> {
        let end = self.held[self.seen..].iter().position(|byte| *byte == b'\n');
        let Some(end) = end.map(|end| end + self.seen) else {
            self.seen = self.held.len();
            return None;
        };
        let rest = self.held.split_off(end + 1);
        let mut line = std::mem::replace(&mut self.held, rest);
        line.pop();
        self.seen = 0;
        Some(line)
    }
}
