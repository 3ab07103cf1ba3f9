//! Bytes that arrive on the runtime, for a thread that may block: what is uploaded to a server,
//! and what it sends.

use bytes::Bytes;
use std::io::{self, Read};
use tokio::sync::mpsc;

pub struct Pieces {
    left: Bytes,
    more: mpsc::Receiver<io::Result<Bytes>>,
}

impl Pieces {
    /// `first` has arrived already.
    pub fn new(first: Bytes, more: mpsc::Receiver<io::Result<Bytes>>) -> Self {
        Pieces { left: first, more }
    }
}

impl Read for Pieces {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.left.is_empty() {
            match self.more.blocking_recv() {
                Some(piece) => self.left = piece?,
                None => return Ok(0),
            }
        }
        let count = into.len().min(self.left.len());
        into[..count].copy_from_slice(&self.left.split_to(count));
        Ok(count)
    }
}
