//! Keeps the bytes of request heads as they came, for what the parser does not tell.
//!
//! hyper drops `Content-Length` when there is a `Transfer-Encoding`, so by its headers a
//! request with both cannot be told from an honest one. This keeps the bytes read while
//! a head is expected; only for a chunked request are they looked at.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// As much of a head as is ever kept; the parser's own limit is lower.
const MOST: usize = 128 * 1024;

/// The bytes since the last request's end, shared by a connection's stream and its service.
/// (A mutex because an upgraded stream must be `Send`; nobody ever waits for it.)
#[derive(Debug, Default, Clone)]
pub struct Heads(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    bytes: Vec<u8>,
    /// Body bytes of the current request that have not been read yet.
    skip: u64,
    /// A chunked body is on its way: where it ends is not known here.
    chunked: bool,
    off: bool,
}

/// How the body of a request is delimited, as the parser saw it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    Length(u64),
    Chunked,
}

/// What the raw head says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Clean,
    /// Both framings are in the head.
    Both,
    /// The head was not seen from its start (pipelined behind a chunked body).
    Unseen,
}

impl Heads {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what was read from the connection.
    pub fn read(&self, bytes: &[u8]) {
        self.lock().read(bytes);
    }

    /// Called once per parsed request: takes its head out of the kept bytes.
    pub fn next(&self, method: &str, framing: Framing) -> Verdict {
        self.lock().next(method, framing)
    }

    /// The chunked body has been read to its end.
    pub fn body_ended(&self) {
        let mut kept = self.lock();
        kept.chunked = false;
        kept.bytes.clear();
    }

    /// Heads are over: the connection is a tunnel.
    pub fn off(&self) {
        let mut kept = self.lock();
        kept.off = true;
        kept.bytes = Vec::new();
    }
}

impl Kept {
    fn read(&mut self, bytes: &[u8]) {
        if self.off || self.chunked {
            return;
        }
        let skipped = self.skip.min(bytes.len() as u64) as usize;
        self.skip -= skipped as u64;
        let rest = &bytes[skipped..];
        let room = MOST.saturating_sub(self.bytes.len());
        self.bytes.extend_from_slice(&rest[..rest.len().min(room)]);
    }

    fn next(&mut self, method: &str, framing: Framing) -> Verdict {
        let start = self.bytes.iter().position(|byte| !b"\r\n".contains(byte));
        let start = start.unwrap_or(self.bytes.len());
        let head = &self.bytes[start..];
        let seen = head.strip_prefix(method.as_bytes()).is_some_and(|rest| rest.starts_with(b" "));
        let end = if seen { end_of_head(head) } else { None };
        let Some(end) = end else {
            self.bytes.clear();
            self.skip = 0;
            self.chunked = framing == Framing::Chunked;
            return Verdict::Unseen;
        };
        match framing {
            Framing::Chunked => {
                let verdict =
                    if names_length(&head[..end]) { Verdict::Both } else { Verdict::Clean };
                self.chunked = true;
                self.bytes.clear();
                verdict
            }
            Framing::Length(length) => {
                let after = (head.len() - end) as u64;
                let here = after.min(length);
                self.skip = length - here;
                let used = start + end + here as usize;
                if used == self.bytes.len() {
                    self.bytes.clear();
                } else {
                    self.bytes.drain(..used);
                }
                Verdict::Clean
            }
        }
    }
}

/// Where the empty line ends. Lines may end in a bare LF: the parser allows it.
fn end_of_head(bytes: &[u8]) -> Option<usize> {
    let mut line = 0;
    for (at, byte) in bytes.iter().enumerate() {
        if *byte == b'\n' {
            if at == line || (at == line + 1 && bytes[line] == b'\r') {
                return Some(at + 1);
            }
            line = at + 1;
        }
    }
    None
}

fn names_length(head: &[u8]) -> bool {
    const NAME: &[u8] = b"content-length";
    head.split(|byte| *byte == b'\n').skip(1).any(|line| {
        line.len() > NAME.len()
            && line[..NAME.len()].eq_ignore_ascii_case(NAME)
            && [b':', b' ', b'\t'].contains(&line[NAME.len()])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdicts(input: &[u8], step: usize, requests: &[(&str, Framing)]) -> Vec<Verdict> {
        let mut kept = Kept::default();
        input.chunks(step).for_each(|bytes| kept.read(bytes));
        requests.iter().map(|(method, framing)| kept.next(method, *framing)).collect()
    }

    #[test]
    fn both_framings_are_seen_in_any_order_and_case() {
        for head in [
            "POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
            "POST / HTTP/1.1\nTransfer-Encoding: chunked\ncontent-LENGTH:3\n\n",
        ] {
            let seen = verdicts(head.as_bytes(), 7, &[("POST", Framing::Chunked)]);
            assert_eq!(seen, [Verdict::Both], "{head}");
        }
        let honest =
            b"POST /content-length: HTTP/1.1\r\nX-Content-Length: 1\r\n\r\ncontent-length: 1";
        assert_eq!(verdicts(honest, 999, &[("POST", Framing::Chunked)]), [Verdict::Clean]);
    }

    #[test]
    fn pipelined_requests_are_told_apart_by_their_lengths() {
        let input = b"POST /a HTTP/1.1\r\nContent-Length: 4\r\n\r\nPOST\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n\
            PUT / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n";
        let requests =
            [("POST", Framing::Length(4)), ("GET", Framing::Length(0)), ("PUT", Framing::Chunked)];
        for step in [1, 10, 1000] {
            let seen = verdicts(input, step, &requests);
            assert_eq!(seen, [Verdict::Clean, Verdict::Clean, Verdict::Both], "step {step}");
        }
    }

    #[test]
    fn a_body_read_later_is_skipped() {
        let mut kept = Kept::default();
        kept.read(b"POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc");
        assert_eq!(kept.next("POST", Framing::Length(10)), Verdict::Clean);
        kept.read(b"defghijGET / HTTP/1.1\r\n\r\n");
        assert_eq!(kept.bytes, b"GET / HTTP/1.1\r\n\r\n");
    }

    #[test]
    fn a_head_pipelined_behind_a_chunked_body_is_unseen() {
        let mut kept = Kept::default();
        kept.read(b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nPOST / HT");
        assert_eq!(kept.next("POST", Framing::Chunked), Verdict::Clean);
        kept.chunked = false;
        kept.read(b"TP/1.1\r\n\r\n");
        assert_eq!(kept.next("POST", Framing::Chunked), Verdict::Unseen);
    }
}
