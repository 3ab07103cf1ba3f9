//! What a request carries: nothing, a whole text, or bytes as another thread makes them.

use bytes::Bytes;
use hyper::body::{Body, Frame};
use std::io::{self, Write};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::mpsc;

/// Pieces under way between the thread that packs and the connection.
const PIECES: usize = 8;
const PIECE: usize = 64 * 1024;

pub enum Payload {
    Whole(Option<Bytes>),
    Stream(mpsc::Receiver<Result<Bytes, io::Error>>),
}

impl Payload {
    pub fn empty() -> Payload {
        Payload::Whole(None)
    }

    pub fn whole(bytes: Vec<u8>) -> Payload {
        Payload::Whole(Some(bytes.into()))
    }

    /// A body, and where another thread writes it.
    pub fn stream() -> (Payload, Upload) {
        let (to, from) = mpsc::channel(PIECES);
        (Payload::Stream(from), Upload { to, held: Vec::with_capacity(PIECE) })
    }
}

impl Body for Payload {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        waker: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match &mut *self {
            Payload::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Payload::Stream(pieces) => {
                pieces.poll_recv(waker).map(|piece| piece.map(|piece| piece.map(Frame::data)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Payload::Whole(None))
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        match self {
            Payload::Whole(bytes) => {
                hyper::body::SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64)
            }
            Payload::Stream(_) => hyper::body::SizeHint::default(),
        }
    }
}

/// The writing end, for a thread that may block.
pub struct Upload {
    to: mpsc::Sender<Result<Bytes, io::Error>>,
    held: Vec<u8>,
}

impl Upload {
    /// The stream is broken off, so that the server does not take it for complete.
    pub fn abort(self) {
        let broken = io::Error::other("the source could not be read to its end");
        let _ = self.to.blocking_send(Err(broken));
    }
}

impl Write for Upload {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.held.extend_from_slice(bytes);
        if self.held.len() >= PIECE {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.held.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.held, Vec::with_capacity(PIECE));
        self.to
            .blocking_send(Ok(piece.into()))
            .map_err(|_| io::Error::new(io::ErrorKind::BrokenPipe, "the server stopped reading"))
    }
}
