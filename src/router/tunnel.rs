//! A WebSocket, once both sides have agreed: bytes both ways until one side is done.

use super::body::Reply;
use super::code::Code;
use super::flight::Flight;
use super::frames::Frames;
use super::headers;
use super::worker::Phase;
use bytes::Bytes;
use hyper::Response;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue, UPGRADE};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// How long the two ends get to answer our closing frame.
const FAREWELL: Duration = Duration::from_secs(1);

/// Answers the client's request with the app's 101 and connects the two.
pub fn open(
    client: OnUpgrade,
    mut response: Response<Incoming>,
    mut flight: Flight,
) -> Response<Reply> {
    let app = hyper::upgrade::on(&mut response);
    let (mut parts, _) = response.into_parts();
    let protocol = parts.headers.get(UPGRADE).cloned();
    headers::to_client(&mut parts.headers);
    parts.headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    let websocket = HeaderValue::from_static("websocket");
    parts.headers.insert(UPGRADE, protocol.unwrap_or(websocket));
    let worker = flight.worker.clone();
    worker.open.set(worker.open.get() + 1);
    tokio::task::spawn_local(async move {
        if let (Ok(client), Ok(app)) = tokio::join!(client, app) {
            connect(client, app, &mut flight).await;
        }
        flight.end();
        worker.open.set(worker.open.get() - 1);
        worker.closed.notify_waiters();
    });
    Response::from_parts(parts, Reply::Page(Bytes::new()))
}

async fn connect(client: Upgraded, app: Upgraded, flight: &mut Flight) {
    let Some(outstanding) = flight.release() else { return };
    let tunnel = outstanding.into_tunnel();
    let mut phase = flight.worker.phase.clone();
    let (client_reads, client_writes) = tokio::io::split(TokioIo::new(client));
    let (app_reads, app_writes) = tokio::io::split(TokioIo::new(app));
    let mut up = Way::new(client_reads, app_writes, true);
    let mut down = Way::new(app_reads, client_writes, false);
    let idle = flight.worker.timing.idle();
    loop {
        let close = tunnel.0.close_tunnels.notified();
        tokio::select! {
            went = up.step() => if !went { break },
            went = down.step() => if !went { break },
            () = tokio::time::sleep(idle) => {
                flight.record.code = Some(Code::H15);
                break;
            }
            () = close => { farewell(&mut up, &mut down).await; break }
            _ = phase.wait_for(|phase| *phase == Phase::Closing) => {
                farewell(&mut up, &mut down).await;
                break;
            }
        }
    }
    flight.record.bytes = down.bytes;
    // What one side said last still reaches the other.
    let _ = tokio::join!(up.to.shutdown(), down.to.shutdown());
}

/// One direction.
struct Way<R, W> {
    from: R,
    to: W,
    buffer: Vec<u8>,
    frames: Frames,
    bytes: u64,
    masked: bool,
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Way<R, W> {
    fn new(from: R, to: W, masked: bool) -> Self {
        Way {
            from,
            to,
            buffer: Vec::with_capacity(8192),
            frames: Frames::default(),
            bytes: 0,
            masked,
        }
    }

    /// Moves some bytes; false at the end. What was read stays in the buffer when the step
    /// is cancelled, so nothing is lost between two steps.
    async fn step(&mut self) -> bool {
        if self.buffer.is_empty() {
            match self.from.read_buf(&mut self.buffer).await {
                Ok(count) if count > 0 => self.bytes += count as u64,
                _ => return false,
            }
        }
        while !self.buffer.is_empty() {
            match self.to.write(&self.buffer).await {
                Ok(count) if count > 0 => {
                    self.frames.pass(&self.buffer[..count]);
                    self.buffer.drain(..count);
                }
                _ => return false,
            }
        }
        self.to.flush().await.is_ok()
    }

    /// Says "going away", if the stream is between two frames, once it is.
    async fn close(&mut self) {
        while !(self.buffer.is_empty() && self.frames.is_between()) {
            if !self.step().await {
                return;
            }
        }
        // 1001; a client's frames are masked, with a mask of zeros.
        let frame: &[u8] =
            if self.masked { &[0x88, 0x82, 0, 0, 0, 0, 3, 0xe9] } else { &[0x88, 2, 3, 0xe9] };
        if self.to.write_all(frame).await.is_ok() {
            let _ = self.to.flush().await;
        }
    }
}

async fn farewell<A, B, C, D>(up: &mut Way<A, B>, down: &mut Way<C, D>)
where
    A: AsyncRead + Unpin,
    B: AsyncWrite + Unpin,
    C: AsyncRead + Unpin,
    D: AsyncWrite + Unpin,
{
    let _ = tokio::time::timeout(FAREWELL, async { tokio::join!(up.close(), down.close()) }).await;
    // Their closing frames in answer are for us, and not passed on.
    let drain = async {
        let (mut one, mut other) = ([0; 1024], [0; 1024]);
        tokio::join!(
            async { while up.from.read(&mut one).await.is_ok_and(|count| count > 0) {} },
            async { while down.from.read(&mut other).await.is_ok_and(|count| count > 0) {} },
        )
    };
    let _ = tokio::time::timeout(FAREWELL, drain).await;
}
