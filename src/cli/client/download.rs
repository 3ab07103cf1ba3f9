//! A body for a thread that may block: what the server sends, as a reader.

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::io::{self, Read};
use tokio::sync::mpsc;

pub struct Download {
    more: mpsc::Receiver<io::Result<Bytes>>,
    left: Bytes,
}

impl Download {
    /// Fed by a task of the current runtime, which must go on meanwhile.
    pub fn of(mut body: Incoming) -> Download {
        let (sender, more) = mpsc::channel(16);
        tokio::spawn(async move {
            while let Some(frame) = body.frame().await {
                let bytes = frame.map(|frame| frame.into_data().unwrap_or_default());
                if sender.send(bytes.map_err(io::Error::other)).await.is_err() {
                    return;
                }
            }
        });
        Download { more, left: Bytes::new() }
    }
}

impl Read for Download {
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
