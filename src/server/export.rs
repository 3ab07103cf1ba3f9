//! A release as an image, sent as a tar of its layout. The server makes it in its own home and
//! writes nowhere else: where it goes is the client's affair, with the client's rights.

use super::answer::{Named, Refusal};
use super::http::Api;
use crate::app::{Failure, ReleaseNumber};
use crate::build::oci::Exported;
use crate::deploy;
use axum::body::{Body, Bytes};
use axum::extract::{Query, State as Shared};
use axum::response::Response;
use hyper::body::{Body as HttpBody, Frame};
use serde::Deserialize;
use std::io::{self, BufWriter, Write};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::mpsc;

const PIECE: usize = 256 * 1024;

#[derive(Deserialize)]
pub struct Which {
    release: Option<ReleaseNumber>,
}

pub async fn image(
    Shared(api): Shared<Api>,
    Named(deploy): Named,
    Query(which): Query<Which>,
) -> Result<Response, Refusal> {
    api.platform.host().ledger.expect_deploy(&deploy)?;
    let platform = api.platform.clone();
    let making =
        tokio::task::spawn_blocking(move || deploy::export(&platform, &deploy, which.release));
    let image = making
        .await
        .map_err(|error| Failure::internal("the export broke off").because(error))??;
    let answer = Response::builder()
        .header("content-type", "application/x-tar")
        .header("xii-release", image.release.0)
        .header("xii-image", format!("sha256:{}", image.exported.digest));
    let (sender, receiver) = mpsc::channel(8);
    tokio::task::spawn_blocking(move || send(&image.exported, sender));
    let answer = answer.body(Body::new(Pieces(receiver)));
    Ok(answer.map_err(|error| Failure::internal("an answer cannot be made").because(error))?)
}

type Piece = io::Result<Bytes>;

/// A reader that leaves ends it; what goes wrong here ends the reader, who must not take half
/// of it for the whole.
fn send(exported: &Exported, to: mpsc::Sender<Piece>) {
    let mut out = BufWriter::with_capacity(PIECE, Sender(&to));
    let sent = exported.write_tar(&mut out);
    let sent = sent.and_then(|()| {
        out.flush().map_err(|error| Failure::platform("the image was not sent").because(error))
    });
    if let Err(failure) = sent {
        let _ = to.blocking_send(Err(io::Error::other(failure.to_string())));
    }
}

struct Sender<'a>(&'a mpsc::Sender<Piece>);

impl Write for Sender<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let sent = self.0.blocking_send(Ok(Bytes::copy_from_slice(bytes)));
        sent.map(|()| bytes.len()).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Pieces(mpsc::Receiver<Piece>);

impl HttpBody for Pieces {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        self.0.poll_recv(context).map(|piece| piece.map(|piece| piece.map(Frame::data)))
    }
}
