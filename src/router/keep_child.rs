//! Router processes as their keeper sees them.

use super::keep_log::Relay;
use super::serve::FIRST_SOCKET;
use super::settings::{KeepRouterSpec, RouterSpec};
use crate::app::Failure;
use crate::sandbox::Env;
use crate::sandbox::process::{Started, spawn_self};
use rustix::process::Signal;
use std::cell::{Cell, RefCell};
use std::io::{PipeReader, PipeWriter, Write as _};
use std::net::TcpListener;
use std::os::fd::{AsFd as _, OwnedFd, RawFd};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::net::unix::pipe;
use tokio::sync::{oneshot, watch};

/// One router process.
pub struct Child {
    pub pid: i32,
    /// Its control socket.
    socket: PathBuf,
    began: Instant,
    /// A pidfd.
    handle: OwnedFd,
    state: watch::Sender<Progress>,
    /// Its stdin: at the end of file it knows that its keeper is gone.
    _lifeline: PipeWriter,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Progress {
    Starting,
    Ready,
    Ended,
}

impl Child {
    pub fn age(&self) -> Duration {
        self.began.elapsed()
    }

    pub fn is_ready(&self) -> bool {
        *self.state.borrow() == Progress::Ready
    }

    fn has_ended(&self) -> bool {
        *self.state.borrow() == Progress::Ended
    }

    pub async fn ended(&self) {
        let mut state = self.state.subscribe();
        // The sender lives as long as we do.
        let _ = state.wait_for(|progress| *progress == Progress::Ended).await;
    }

    pub async fn ready_within(&self, limit: Duration) -> bool {
        let mut state = self.state.subscribe();
        let changed = state.wait_for(|progress| *progress > Progress::Starting);
        match tokio::time::timeout(limit, changed).await {
            Ok(Ok(progress)) => *progress == Progress::Ready,
            _ => false,
        }
    }

    pub fn signal(&self, signal: Signal) {
        // It may have ended this moment.
        let _ = rustix::process::pidfd_send_signal(&self.handle, signal);
    }

    fn advance(&self, to: Progress) {
        self.state.send_if_modified(|now| {
            let forward = to > *now;
            *now = (*now).max(to);
            forward
        });
    }
}

/// All routers of this keeper that have not ended.
pub struct Children {
    relay: Rc<Relay>,
    next: Cell<u64>,
    all: RefCell<Vec<Rc<Child>>>,
}

impl Children {
    pub fn new(relay: Rc<Relay>, first: u64) -> Self {
        Children { relay, next: Cell::new(first), all: RefCell::default() }
    }

    pub fn count(&self) -> usize {
        self.all.borrow().iter().filter(|child| !child.has_ended()).count()
    }

    pub fn signal_all(&self, signal: Signal) {
        self.all.borrow().iter().for_each(|child| child.signal(signal));
    }

    pub async fn all_ended(&self) {
        let all = self.all.borrow().clone();
        for child in all {
            child.ended().await;
        }
    }

    pub fn finish_logs(&self) {
        self.relay.finish();
    }

    /// Starts a router on the sockets. It is ready when it says so.
    pub fn start(
        &self,
        keeper: &KeepRouterSpec,
        sockets: &[TcpListener],
    ) -> Result<Rc<Child>, Failure> {
        let number = self.next.get();
        self.next.set(number + 1);
        let spec = RouterSpec {
            v: 1,
            number,
            http: keeper.http,
            router_dir: keeper.router_dir.clone(),
            sockets: sockets.len(),
            user: keeper.user.clone(),
            timing: keeper.timing,
        };
        let (child, started, output) = spawn(keeper, &spec, sockets).map_err(|error| {
            Failure::platform(format!("cannot start {} router", keeper.exe.display()))
                .because(error)
        })?;
        let child = Rc::new(child);
        let mut all = self.all.borrow_mut();
        all.retain(|child| !child.has_ended());
        all.push(child.clone());
        tokio::task::spawn_local(reap(child.clone(), started));
        tokio::task::spawn_local(read(child.clone(), output, self.relay.clone()));
        Ok(child)
    }
}

fn spawn(
    keeper: &KeepRouterSpec,
    spec: &RouterSpec,
    sockets: &[TcpListener],
) -> std::io::Result<(Child, Started, PipeReader)> {
    let (stdin, mut lifeline) = std::io::pipe()?;
    let (output, stdout) = std::io::pipe()?;
    let stderr = std::io::stderr().as_fd().try_clone_to_owned()?;
    let mut descriptors: Vec<(RawFd, OwnedFd)> =
        vec![(0, stdin.into()), (1, stdout.into()), (2, stderr)];
    for (number, socket) in (FIRST_SOCKET..).zip(sockets) {
        descriptors.push((number, socket.as_fd().try_clone_to_owned()?));
    }
    let started = spawn_self(&keeper.exe, &["router"], &Env::default(), descriptors)?;
    let child = Child {
        pid: started.pid(),
        socket: spec.socket(),
        began: Instant::now(),
        handle: started.handle().try_clone_to_owned()?,
        state: watch::Sender::new(Progress::Starting),
        _lifeline: {
            writeln!(lifeline, "{}", serde_json::to_string(spec)?)?;
            lifeline
        },
    };
    Ok((child, started, output))
}

/// Waits for the end of the process on a thread of its own.
async fn reap(child: Rc<Child>, started: Started) {
    let (done, ended) = oneshot::channel();
    let waiting = std::thread::Builder::new().name("reap".to_string()).spawn(move || {
        let _ = done.send(started.wait().is_ok());
    });
    if waiting.is_ok() {
        // Without an answer the process is as good as gone.
        let _ = ended.await;
    }
    // It may not be allowed to do so itself.
    drop(std::fs::remove_file(&child.socket));
    child.advance(Progress::Ended);
}

/// Reads what a router says to its end, even after its death.
async fn read(child: Rc<Child>, output: PipeReader, relay: Rc<Relay>) {
    let Ok(output) = pipe::Receiver::from_owned_fd(output.into()) else { return };
    let mut output = BufReader::with_capacity(64 * 1024, output);
    let mut held = Vec::new();
    while let Ok(chunk) = output.fill_buf().await
        && !chunk.is_empty()
    {
        held.extend_from_slice(chunk);
        let taken = chunk.len();
        output.consume(taken);
        let Some(end) = held.iter().rposition(|byte| *byte == b'\n') else { continue };
        if relay.lines(&held[..end]) {
            child.advance(Progress::Ready);
        }
        held.drain(..=end);
    }
}
