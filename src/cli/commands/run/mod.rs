//! `xii run CMD`: a command in the current release, as if it ran here. Its streams are
//! ours, our signals are its own, and so is the exit code.

mod frames;

use crate::app::Failure;
use crate::cli::client::{Client, Payload, Trouble, request};
use crate::cli::target::{path, target};
use crate::cli::ui::Ui;
use crate::cli::{Invocation, Outcome};
use crate::server::api::{Run, frame};
use clap::Args;
use frames::{Frame, Frames, encode};
use hyper::Method;
use hyper::header::HeaderValue;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use std::io::Read;
use tokio::io::{AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

#[derive(Debug, Args)]
pub struct RunArgs {
    /// Set a variable for this run only
    #[arg(short = 'e', long = "env", value_name = "KEY=VALUE", value_parser = variable)]
    env: Vec<(String, String)>,
    /// The command: several words are run as they are, one goes to `sh -c`
    #[arg(
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "CMD"
    )]
    pub command: Vec<String>,
}

fn variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_string(), value.to_string())),
        _ => Err("expected KEY=VALUE".to_string()),
    }
}

pub async fn run(args: &RunArgs, to: &Invocation) -> Outcome {
    let client = to.client()?;
    let deploy = target(to, &client).await?;
    let run = Run { argv: argv(&args.command), env: args.env.iter().cloned().collect() };
    let upgraded = open(&client, &path(&deploy, "/run"), &run).await?;
    carry(upgraded, &to.ui, stdin()).await
}

fn argv(command: &[String]) -> Vec<String> {
    match command {
        [one] => ["sh", "-c", one].map(str::to_string).to_vec(),
        several => several.to_vec(),
    }
}

pub async fn open(client: &Client, path: &str, run: &Run) -> Result<Upgraded, Failure> {
    let broken = |error: &dyn std::error::Error| {
        Failure::platform("the command cannot be sent").why(error.to_string())
    };
    let head = serde_json::to_vec(run).map_err(|error| broken(&error))?;
    let head = HeaderValue::from_bytes(&head).map_err(|error| broken(&error))?;
    let mut request = request(Method::POST, path, Payload::empty());
    request.headers_mut().insert("xii-run", head);
    request.headers_mut().insert("connection", HeaderValue::from_static("upgrade"));
    request.headers_mut().insert("upgrade", HeaderValue::from_static("xii-run"));
    let response = client.send(request).await?;
    if response.status() != hyper::StatusCode::SWITCHING_PROTOCOLS {
        return Err(Failure::internal(format!("the server answered {}", response.status())));
    }
    hyper::upgrade::on(response).await.map_err(|error| Trouble::Cut(error).into())
}

/// How the command ended.
#[derive(Debug, Default, Deserialize)]
struct Exit {
    code: Option<u8>,
    signal: Option<u8>,
}

/// Carries bytes and signals until the last frame.
pub async fn carry(upgraded: Upgraded, ui: &Ui, stdin: mpsc::Receiver<Vec<u8>>) -> Outcome {
    let (from, to) = tokio::io::split(TokioIo::new(upgraded));
    let sending = tokio::spawn(send(to, stdin));
    let outcome = receive(from, ui).await;
    sending.abort();
    outcome
}

async fn receive(from: ReadHalf<TokioIo<Upgraded>>, ui: &Ui) -> Outcome {
    let mut frames = Frames::of(from);
    let cut = || Failure::platform("the server went away; how the command ended is not known");
    loop {
        let frame = frames.next().await.map_err(|error| cut().because(error))?;
        let Some(Frame { kind, payload }) = frame else { return Err(cut()) };
        match kind {
            frame::STDOUT => ui.raw(&payload),
            frame::STDERR => ui.raw_err(&payload),
            frame::EXIT => {
                let exit: Exit = serde_json::from_slice(&payload).unwrap_or_default();
                return Ok(exit.code.or(exit.signal.map(|number| 128 | number)).unwrap_or(1));
            }
            frame::FAILURE => {
                let failure = serde_json::from_slice(&payload);
                return Err(failure.unwrap_or_else(|error| {
                    Failure::platform("the command failed").because(error)
                }));
            }
            _ => {}
        }
        if ui.is_closed() {
            return Ok(0);
        }
    }
}

async fn send(
    mut to: WriteHalf<impl AsyncWrite + Unpin>,
    mut stdin: mpsc::Receiver<Vec<u8>>,
) -> std::io::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let mut open = true;
    loop {
        let frame = tokio::select! {
            piece = stdin.recv(), if open => {
                open = piece.is_some();
                encode(frame::STDIN, &piece.unwrap_or_default())
            }
            Some(()) = interrupt.recv() => encode(frame::SIGNAL, &[2]),
            Some(()) = terminate.recv() => encode(frame::SIGNAL, &[15]),
            Some(()) = hangup.recv() => encode(frame::SIGNAL, &[1]),
        };
        to.write_all(&frame).await?;
        to.flush().await?;
    }
}

/// Our stdin, read by a thread of its own: a read from a terminal cannot be taken back.
fn stdin() -> mpsc::Receiver<Vec<u8>> {
    let (to, from) = mpsc::channel(8);
    std::thread::spawn(move || {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(length @ 1..) = std::io::stdin().read(&mut buffer) {
            if to.blocking_send(buffer[..length].to_vec()).is_err() {
                return;
            }
        }
    });
    from
}

#[cfg(test)]
mod tests;
