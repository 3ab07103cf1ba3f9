//! An upload: one line of JSON, then bytes that a blocking reader takes as they come.

use super::pieces::Pieces;
use crate::app::Failure;
use axum::body::{Body, Bytes};
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;
use std::io::{self, Read};
use tokio::sync::mpsc;

/// The head is small; a longer first line is not one.
const LONGEST_HEAD: usize = 64 * 1024;

/// The bytes after the head.
pub struct Upload(Pieces);

impl Upload {
    pub async fn begin<T: DeserializeOwned>(mut body: Body) -> Result<(T, Upload), Failure> {
        let mut start = Vec::new();
        let end = loop {
            if let Some(end) = start.iter().position(|byte| *byte == b'\n') {
                break end;
            }
            if start.len() > LONGEST_HEAD {
                return Err(Failure::usage("the upload does not begin with its head"));
            }
            match next(&mut body).await {
                Some(Ok(bytes)) => start.extend_from_slice(&bytes),
                Some(Err(error)) => return Err(broken(error)),
                None => return Err(broken(io::ErrorKind::UnexpectedEof.into())),
            }
        };
        let head = serde_json::from_slice(&start[..end]).map_err(|error| {
            Failure::usage("the upload's head is not understood").because(error)
        })?;
        let (sender, more) = mpsc::channel(16);
        tokio::spawn(async move {
            while let Some(piece) = next(&mut body).await {
                if sender.send(piece).await.is_err() {
                    return;
                }
            }
        });
        Ok((head, Upload(Pieces::new(Bytes::from(start).slice(end + 1..), more))))
    }
}

async fn next(body: &mut Body) -> Option<io::Result<Bytes>> {
    loop {
        match body.frame().await? {
            Ok(frame) => {
                if let Ok(bytes) = frame.into_data() {
                    return Some(Ok(bytes));
                }
            }
            Err(error) => return Some(Err(io::Error::other(error))),
        }
    }
}

fn broken(error: io::Error) -> Failure {
    Failure::platform("the upload broke off").because(error)
}

impl Read for Upload {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into)
    }
}
