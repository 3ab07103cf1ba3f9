//! `xii run`: an upgraded connection that carries frames both ways.

use super::answer::{Named, Refusal};
use super::api::{Run, frame};
use super::changes::audit;
use super::http::Api;
use crate::app::Failure;
use crate::deploy;
use crate::keeper::Exit;
use crate::run::{OneOff, Stdio};
use crate::store::OneOffKind;
use axum::body::Body;
use axum::extract::{Request, State as Shared};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use rustix::pipe::{PipeFlags, pipe_with};
use std::os::fd::OwnedFd;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::net::unix::pipe;
use tokio::sync::mpsc;

type Incoming = ReadHalf<TokioIo<Upgraded>>;
type Outgoing = WriteHalf<TokioIo<Upgraded>>;

pub async fn run(
    Shared(api): Shared<Api>,
    Named(deploy): Named,
    mut request: Request,
) -> Result<Response, Refusal> {
    let wish = wish(&request)?;
    let host = api.platform.host().clone();
    let release = deploy::current_release(&api.platform, &deploy)?;
    let runnable = host.runnable(&deploy, release.number)?;
    audit(&api, &format!("run {}", wish.argv.join(" ")), Some(&deploy))?;
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        // A client that goes away before the upgrade has asked for nothing.
        let Ok(upgraded) = upgrade.await else { return };
        let (incoming, outgoing) = tokio::io::split(TokioIo::new(upgraded));
        let (frames, wanted) = mpsc::channel(64);
        let writing = tokio::spawn(write_frames(outgoing, wanted));
        let env = wish.env.into_iter().collect();
        let last = match Pipes::new() {
            Ok((pipes, stdio)) => {
                match OneOff::start(&host, &runnable, OneOffKind::Run, wish.argv, env, stdio).await
                {
                    Ok(one_off) => carry(one_off, pipes, incoming, &frames).await,
                    Err(failure) => Err(failure),
                }
            }
            Err(failure) => Err(failure),
        };
        let _ = frames.send(last_frame(last)).await;
        drop(frames);
        let _ = writing.await;
    });
    switching()
}

fn wish(request: &Request) -> Result<Run, Failure> {
    let header = request.headers().get("xii-run");
    let header = header.ok_or_else(|| Failure::usage("the request says nothing to run"))?;
    let wish: Run = serde_json::from_slice(header.as_bytes())
        .map_err(|error| Failure::usage("what to run is not understood").because(error))?;
    match wish.argv.is_empty() {
        true => Err(Failure::usage("there is no command to run")),
        false => Ok(wish),
    }
}

fn switching() -> Result<Response, Refusal> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("xii-run"));
    Ok(response)
}

/// Our ends of the process's streams. While `lifeline` is open, the process may live.
struct Pipes {
    stdin: pipe::Sender,
    stdout: pipe::Receiver,
    stderr: pipe::Receiver,
    lifeline: OwnedFd,
}

impl Pipes {
    fn new() -> Result<(Pipes, Stdio), Failure> {
        let failed = |error: std::io::Error| Failure::platform("cannot make a pipe").because(error);
        let pipe = || pipe_with(PipeFlags::CLOEXEC).map_err(|error| failed(error.into()));
        let ((in_read, in_write), (out_read, out_write)) = (pipe()?, pipe()?);
        let ((err_read, err_write), (life_read, lifeline)) = (pipe()?, pipe()?);
        let pipes = Pipes {
            stdin: pipe::Sender::from_owned_fd(in_write).map_err(failed)?,
            stdout: pipe::Receiver::from_owned_fd(out_read).map_err(failed)?,
            stderr: pipe::Receiver::from_owned_fd(err_read).map_err(failed)?,
            lifeline,
        };
        let stdio = [in_read, out_write, err_write];
        Ok((pipes, Stdio::Passed { stdio, lifeline: life_read }))
    }
}

/// Carries everything until the process has ended and all it printed is on its way.
async fn carry(
    one_off: OneOff,
    pipes: Pipes,
    incoming: Incoming,
    frames: &mpsc::Sender<Vec<u8>>,
) -> Result<Exit, Failure> {
    let (signals, wanted) = mpsc::channel(8);
    let Pipes { stdin, stdout, stderr, lifeline } = pipes;
    let input = tokio::spawn(feed(incoming, stdin, signals, lifeline));
    let out = tokio::spawn(forward(stdout, frame::STDOUT, frames.clone()));
    let err = tokio::spawn(forward(stderr, frame::STDERR, frames.clone()));
    let exit = one_off.wait(wanted).await;
    let _ = tokio::join!(out, err);
    input.abort();
    exit
}

/// Frames of the client → stdin and signals. When the client is gone, so is the lifeline.
async fn feed(
    mut incoming: Incoming,
    stdin: pipe::Sender,
    signals: mpsc::Sender<i32>,
    lifeline: OwnedFd,
) {
    let mut stdin = Some(stdin);
    while let Some((kind, payload)) = read_frame(&mut incoming).await {
        match (kind, payload.as_slice()) {
            (frame::STDIN, []) => stdin = None,
            (frame::STDIN, bytes) => {
                if let Some(pipe) = &mut stdin
                    && pipe.write_all(bytes).await.is_err()
                {
                    // The process does not read any more; what else comes is for nobody.
                    stdin = None;
                }
            }
            (frame::SIGNAL, [number]) => _ = signals.send(i32::from(*number)).await,
            _ => break,
        }
    }
    drop(lifeline);
}

async fn read_frame(incoming: &mut Incoming) -> Option<(u8, Vec<u8>)> {
    let kind = incoming.read_u8().await.ok()?;
    let length = usize::try_from(incoming.read_u32().await.ok()?).ok()?;
    if length > frame::MOST {
        return None;
    }
    let mut payload = vec![0; length];
    incoming.read_exact(&mut payload).await.ok()?;
    Some((kind, payload))
}

async fn forward(mut from: pipe::Receiver, kind: u8, frames: mpsc::Sender<Vec<u8>>) {
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        if frames.send(encode(kind, &buffer[..count])).await.is_err() {
            return;
        }
    }
}

fn encode(kind: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    let mut frame = Vec::with_capacity(payload.len() + 5);
    frame.push(kind);
    frame.extend(length.to_be_bytes());
    frame.extend(payload);
    frame
}

fn last_frame(result: Result<Exit, Failure>) -> Vec<u8> {
    let (kind, json) = match result {
        Ok(Exit { reason: Some(reason), .. }) => {
            let failure = Failure::usage(format!("the command could not be started: {reason}"));
            (frame::FAILURE, serde_json::to_vec(&failure))
        }
        Ok(exit) => {
            let value = serde_json::json!({ "code": exit.code, "signal": exit.signal });
            (frame::EXIT, serde_json::to_vec(&value))
        }
        Err(failure) => (frame::FAILURE, serde_json::to_vec(&failure)),
    };
    encode(kind, &json.unwrap_or_default())
}

async fn write_frames(mut outgoing: Outgoing, mut wanted: mpsc::Receiver<Vec<u8>>) {
    while let Some(frame) = wanted.recv().await {
        if outgoing.write_all(&frame).await.is_err() || outgoing.flush().await.is_err() {
            return;
        }
    }
    let _ = outgoing.shutdown().await;
}
