//! What the server sends, for a thread that may block.

use crate::server::Pieces;
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::Incoming;
use std::io;
use tokio::sync::mpsc;

/// Fed by a task of the current runtime, which must go on meanwhile.
pub fn download(mut body: Incoming) -> Pieces {
    let (sender, more) = mpsc::channel(16);
    tokio::spawn(async move {
        while let Some(frame) = body.frame().await {
            let bytes = frame.map(|frame| frame.into_data().unwrap_or_default());
            if sender.send(bytes.map_err(io::Error::other)).await.is_err() {
                return;
            }
        }
    });
    Pieces::new(Bytes::new(), more)
}
