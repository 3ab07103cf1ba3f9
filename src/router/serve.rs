//! The `xii router` process: threads, signals, and the order of its beginning and its end.

use super::access::{Record, Sink};
use super::control::Control;
use super::listen;
use super::routes::Routes;
use super::settings::{RouterSpec, Timing};
use super::table::{self, Table};
use super::wire;
use super::worker::{Phase, Swap, Worker};
use crate::app::Failure;
use crate::sandbox::{identity, process};
use std::io::{BufRead as _, Read as _, Write as _};
use std::os::fd::RawFd;
use std::path::Path;
use std::rc::Rc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::runtime::{Builder, LocalOptions, LocalRuntime};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};

/// The first listening socket's descriptor.
pub const FIRST_SOCKET: RawFd = 3;
/// The line on stdout that says so; an access line never starts with `!`.
pub const READY: &str = "!ready";
/// Lists of records on their way to the writing thread.
const BATCHES: usize = 64;

/// Runs until told to stop. The spec is the first line of stdin; stdin's end is the keeper's.
pub fn main() -> Result<(), Failure> {
    let mut line = String::new();
    std::io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(|error| Failure::internal("no router spec on stdin").because(error))?;
    let spec: RouterSpec = serde_json::from_str(&line)
        .map_err(|error| Failure::internal("the router spec is not understood").because(error))?;
    let sockets = adopt(spec.sockets)?;
    let runtime = runtime()?;
    runtime.block_on(run(spec, sockets))
}

fn runtime() -> Result<LocalRuntime, Failure> {
    let built = Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
    built.map_err(|error| Failure::platform("cannot start a runtime").because(error))
}

fn adopt(count: usize) -> Result<Vec<std::net::TcpListener>, Failure> {
    let failed = |error: std::io::Error| {
        Failure::internal("a listening socket was not handed over").because(error)
    };
    let numbers = FIRST_SOCKET..FIRST_SOCKET + count as RawFd;
    let adopted = numbers.map(|number| {
        let socket = std::net::TcpListener::from(process::inherited(number)?);
        socket.set_nonblocking(true)?;
        Ok(socket)
    });
    adopted.collect::<Result<_, _>>().map_err(failed)
}

async fn run(spec: RouterSpec, sockets: Vec<std::net::TcpListener>) -> Result<(), Failure> {
    // The socket first, the table's file second: what is published from now on reaches us
    // one way or the other.
    let path = spec.socket();
    let at = |what: &str, path: &Path| format!("cannot {what} {}", path.display());
    let control = tokio::net::UnixListener::bind(&path)
        .map_err(|error| Failure::platform(at("listen on", &path)).because(error))?;
    let table = read_table(&spec.router_dir.join(table::FILE))?;
    identity::settle_for_serving()
        .and_then(|()| spec.user.as_ref().map_or(Ok(()), identity::become_user))
        .map_err(|error| Failure::platform("cannot give up privileges").because(error))?;

    let routes = Arc::new(Routes::build(&table, &Routes::default()));
    let (phase, phases) = watch::channel(Phase::Serving);
    let (batches, lines) = sync_channel(BATCHES);
    let sink = Arc::new(Sink {
        batches,
        dropped: AtomicU64::new(0),
        pending: AtomicU64::new(0),
        recent: Mutex::default(),
    });
    let writer = spawn("log", {
        let sink = sink.clone();
        move || write_lines(&lines, &sink)
    })?;
    let most = most_clients(identity::most_open_files(), sockets.len());
    let mut workers = Vec::new();
    let mut threads = Vec::new();
    for socket in sockets {
        let (swap, swaps) = mpsc::unbounded_channel();
        let (routes, sink, phase) = (routes.clone(), sink.clone(), phases.clone());
        let (port, timing) = (spec.http.port(), spec.timing);
        threads.push(spawn("worker", move || {
            work(socket, swaps, move || Worker::new(routes, port, most, timing, sink, phase))
        })?);
        workers.push(swap);
    }
    drop(phases);
    let control_side = Rc::new(Control::new(spec.number, workers, sink, phase.clone(), routes));
    tokio::task::spawn_local(wire::serve(control, control_side.clone()));
    say(READY);
    watch_for_the_end(&phase, spec.timing).await;
    end(threads, &phase, spec.timing).await;
    // The last lines of the workers that have ended.
    let _ = tokio::time::timeout(Duration::from_secs(1), async {
        while control_side.sink.pending.load(Relaxed) > 0 {
            tokio::time::sleep(Duration::from_millis(5)).await
        }
    })
    .await;
    drop(writer);
    Ok(())
}

/// Clients of one thread. Three quarters of the descriptors: whoever is let in can be served.
fn most_clients(descriptors: u64, threads: usize) -> u32 {
    let each = descriptors / 4 * 3 / threads.max(1) as u64;
    u32::try_from(each).unwrap_or(u32::MAX).max(1)
}

fn read_table(path: &Path) -> Result<Table, Failure> {
    match std::fs::read(path) {
        Ok(text) => serde_json::from_slice(&text).map_err(|error| {
            Failure::internal(format!("{} is not understood", path.display())).because(error)
        }),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Table::default()),
        Err(error) => {
            Err(Failure::platform(format!("cannot read {}", path.display())).because(error))
        }
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, Failure> {
    let started = std::thread::Builder::new().name(name.to_string()).spawn(run);
    started.map_err(|error| Failure::platform("cannot start a thread").because(error))
}

/// One worker thread, until it has served its last connection.
fn work(
    socket: std::net::TcpListener,
    swaps: mpsc::UnboundedReceiver<Swap>,
    make: impl FnOnce() -> Worker,
) {
    let Ok(runtime) = runtime() else { return };
    runtime.block_on(async {
        let worker = Rc::new(make());
        tokio::task::spawn_local(worker.clone().follow(swaps));
        if let Ok(listener) = tokio::net::TcpListener::from_std(socket) {
            listen::run(worker.clone(), listener).await;
        }
        worker.sink.flush();
    });
}

/// Formats and writes what the workers hand over; ends with the process.
fn write_lines(batches: &Receiver<Vec<Record>>, sink: &Sink) {
    let mut text = String::new();
    let mut told = 0;
    while let Ok(batch) = batches.recv() {
        text.clear();
        batch.iter().for_each(|record| record.write(&mut text));
        let dropped = sink.dropped.load(Relaxed);
        if dropped > told {
            text.push_str(&format!(
                "\tat=warning desc=\"access lines dropped\" count={}\n",
                dropped - told
            ));
            told = dropped;
        }
        // Without a keeper there is nobody to read; the next one starts a new router.
        let mut stdout = std::io::stdout().lock();
        let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
        sink.pending.fetch_sub(1, Relaxed);
    }
}

fn say(line: &str) {
    let mut stdout = std::io::stdout().lock();
    // The keeper may be gone; serving goes on.
    let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
}

/// SIGTERM drains, SIGINT ends, a lost keeper ends after a while: its successor needs the port.
async fn watch_for_the_end(phase: &watch::Sender<Phase>, timing: Timing) {
    let (lost, keeper) = tokio::sync::oneshot::channel();
    let waiting = std::thread::Builder::new().name("lifeline".into()).spawn(move || {
        let _ = std::io::stdin().lock().read_to_end(&mut Vec::new());
        let _ = lost.send(());
    });
    let orphaned = async {
        if waiting.is_err() || keeper.await.is_err() {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(Duration::from_millis(timing.orphan_ms)).await;
    };
    let mut told = phase.subscribe();
    let (Ok(mut term), Ok(mut int)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return;
    };
    let next = tokio::select! {
        _ = term.recv() => Phase::Draining,
        _ = int.recv() => Phase::Closing,
        () = orphaned => Phase::Closing,
        _ = told.wait_for(|phase| *phase != Phase::Serving) => return,
    };
    phase.send_replace(next);
}

/// Waits for the workers: first for as long as a drain may take, then a short while.
async fn end(threads: Vec<JoinHandle<()>>, phase: &watch::Sender<Phase>, timing: Timing) {
    let all_ended = || threads.iter().all(JoinHandle::is_finished);
    let ended_within = async |limit: u64, stop: Phase| {
        let mut told = phase.subscribe();
        let poll = async {
            while !all_ended() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::select! {
            () = poll => true,
            () = tokio::time::sleep(Duration::from_millis(limit)) => false,
            _ = told.wait_for(|phase| *phase > stop) => false,
        }
    };
    let draining = *phase.borrow() == Phase::Draining;
    if draining && ended_within(timing.drain_ms, Phase::Draining).await {
        return;
    }
    phase.send_replace(Phase::Closing);
    ended_within(timing.close_ms, Phase::Closing).await;
}
