//! A response body that is a file, read as the client takes it.

use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::fs::File;
use tokio::io::{AsyncRead, ReadBuf};

pub enum Body {
    Text(Option<Bytes>),
    /// A file and how much of it is still to come.
    File(File, u64),
}

const CHUNK: usize = 64 * 1024;

impl Body {
    pub fn empty() -> Body {
        Body::Text(None)
    }

    pub fn text(text: &'static str) -> Body {
        Body::Text(Some(Bytes::from_static(text.as_bytes())))
    }

    pub fn length(&self) -> u64 {
        match self {
            Body::Text(text) => text.as_ref().map_or(0, |text| text.len() as u64),
            Body::File(_, left) => *left,
        }
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        match self.get_mut() {
            Body::Text(text) => Poll::Ready(text.take().map(|text| Ok(Frame::data(text)))),
            Body::File(_, 0) => Poll::Ready(None),
            Body::File(file, left) => {
                let most = usize::try_from(*left).unwrap_or(CHUNK).min(CHUNK);
                let mut chunk = vec![0; most];
                let mut buffer = ReadBuf::new(&mut chunk);
                ready!(Pin::new(file).poll_read(context, &mut buffer))?;
                let length = buffer.filled().len();
                if length == 0 {
                    let error =
                        io::Error::new(io::ErrorKind::UnexpectedEof, "the file got shorter");
                    return Poll::Ready(Some(Err(error)));
                }
                *left -= length as u64;
                chunk.truncate(length);
                Poll::Ready(Some(Ok(Frame::data(Bytes::from(chunk)))))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.length() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.length())
    }
}
