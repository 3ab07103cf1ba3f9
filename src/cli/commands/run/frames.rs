//! The frames of `…/run`: kind, length, payload.

use crate::server::api::frame;
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt};

#[derive(Debug, PartialEq, Eq)]
pub struct Frame {
    pub kind: u8,
    pub payload: Vec<u8>,
}

pub fn encode(kind: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    let mut frame = vec![kind];
    frame.extend(length.to_be_bytes());
    frame.extend(payload);
    frame
}

pub struct Frames<R>(R);

impl<R: AsyncRead + Unpin> Frames<R> {
    pub fn of(reader: R) -> Self {
        Frames(reader)
    }

    /// The next frame; `None` at an end between two frames.
    pub async fn next(&mut self) -> io::Result<Option<Frame>> {
        let mut kind = [0];
        if self.0.read(&mut kind).await? == 0 {
            return Ok(None);
        }
        let length = self.0.read_u32().await? as usize;
        if length > frame::MOST {
            let what = format!("a frame of {length} bytes is longer than allowed");
            return Err(io::Error::new(io::ErrorKind::InvalidData, what));
        }
        let mut payload = vec![0; length];
        self.0.read_exact(&mut payload).await?;
        Ok(Some(Frame { kind: kind[0], payload }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(bytes: &[u8]) -> Vec<io::Result<Option<Frame>>> {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut frames = Frames::of(bytes);
            let mut seen = Vec::new();
            loop {
                seen.push(frames.next().await);
                if !matches!(seen.last(), Some(Ok(Some(_)))) {
                    return seen;
                }
            }
        })
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_read_back(kind: u8, payload: Vec<u8>) {
            let seen = read(&encode(kind, &payload));
            prop_assert_eq!(seen.len(), 2);
            prop_assert_eq!(seen[0].as_ref().unwrap().as_ref().unwrap(), &Frame { kind, payload });
            prop_assert!(matches!(seen[1], Ok(None)));
        }
    }

    #[test]
    fn a_frame_that_breaks_off_or_is_too_long_is_an_error() {
        let whole = encode(1, b"hello");
        for length in 1..whole.len() {
            assert!(read(&whole[..length])[0].is_err(), "{length}");
        }
        assert!(read(&[1, 0xff, 0, 0, 0])[0].is_err());
    }
}
