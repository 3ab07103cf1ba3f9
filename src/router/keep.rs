//! The `xii keep-router` process: it holds the listening sockets for as long as it lives,
//! and sees to it that a router serves them. It needs no server.

use super::client::Client;
use super::keep_child::{Child, Children};
use super::keep_log::Relay;
use super::record::{self, KeepRouterRecord};
use super::settings::KeepRouterSpec;
use super::start::{Instructions, REPORT, Report};
use super::{sockets, wire};
use crate::app::Failure;
use crate::sandbox::cgroup::{Hierarchies, ROUTER};
use crate::sandbox::{identity, process, sys};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::cell::{Cell, RefCell};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, LocalOptions, LocalRuntime};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot};

/// A router that is not ready by then is taken for broken.
const READY_WITHIN: Duration = Duration::from_secs(20);

enum Order {
    Restart(Option<oneshot::Sender<Result<(), String>>>),
    Stop(Option<oneshot::Sender<()>>),
}

struct Keep {
    spec: KeepRouterSpec,
    sockets: Vec<TcpListener>,
    children: Children,
    current: RefCell<Option<Rc<Child>>>,
    restarts: Cell<u64>,
    orders: mpsc::UnboundedSender<Order>,
}

/// Keeps a router until told to stop.
pub fn main() -> Result<(), Failure> {
    let Instructions { spec, detached } = serde_json::from_reader(std::io::stdin().lock())
        .map_err(|error| Failure::internal("the spec on stdin is not understood").because(error))?;
    let failed = |error: std::io::Error| {
        Failure::platform("cannot become a process of its own").because(error)
    };
    identity::keep_files_private();
    if let Some(home) = &spec.cgroup {
        let own = Hierarchies::of_this_machine().beside(home, ROUTER);
        let left = own.and_then(|own| own.map_or(Ok(()), |own| own.join()));
        left.map_err(|error| failed(std::io::Error::other(error)))?;
    }
    let mut report = None;
    if detached {
        report = Some(process::inherited(REPORT).map_err(|error| failed(error.into()))?);
        // Its own session: a Ctrl-C meant for the starter is not for us.
        if let sys::Fork::Parent(_) = identity::detach().map_err(failed)? {
            return Ok(());
        }
    }
    let begun = runtime().and_then(|runtime| runtime.block_on(run(spec, &mut report)));
    if let (Err(failure), Some(report)) = (&begun, report) {
        tell(report, &Report::Failed(failure.clone()));
    }
    begun
}

fn runtime() -> Result<LocalRuntime, Failure> {
    let built = Builder::new_current_thread().enable_all().build_local(LocalOptions::default());
    built.map_err(|error| Failure::platform("cannot start a runtime").because(error))
}

/// A starter that is gone does not hear it; the record says the same.
fn tell(report: OwnedFd, said: &Report) {
    let _ = serde_json::to_writer(std::fs::File::from(report), said);
}

async fn run(mut spec: KeepRouterSpec, report: &mut Option<OwnedFd>) -> Result<(), Failure> {
    record::make_dir(&spec.router_dir)?;
    let _lock = record::lock(&spec.record.with_extension("lock"))?;
    // Routers of a keeper that died hold the port; they know that they are to go.
    Client::new(&spec.router_dir).stop_routers().await?;
    let sockets = sockets::bind(spec.http, spec.threads.max(1)).await?;
    spec.http = sockets[0]
        .local_addr()
        .map_err(|error| Failure::platform("the listening socket has no address").because(error))?;
    let (orders, received) = mpsc::unbounded_channel();
    let keep = Rc::new(Keep {
        children: Children::new(Relay::start(spec.logs_dir.clone()), first_number()),
        sockets,
        current: RefCell::default(),
        restarts: Cell::new(0),
        orders,
        spec,
    });
    let child = keep.start_child()?;
    drop(std::fs::remove_file(&keep.spec.socket));
    let control = tokio::net::UnixListener::bind(&keep.spec.socket).map_err(|error| {
        let what = format!("cannot listen on {}", keep.spec.socket.display());
        Failure::platform(what).because(error)
    })?;
    tokio::task::spawn_local(wire::serve(control, keep.clone()));
    if !child.ready_within(READY_WITHIN).await {
        child.signal(Signal::KILL);
        return Err(Failure::platform("the router did not start"));
    }
    let record = KeepRouterRecord::of_this_process(&keep.spec)?;
    record.write(&keep.spec.record)?;
    if let Some(report) = report.take() {
        tell(report, &Report::Serving(record));
    }
    keep.clone().supervise(received).await?;
    for path in [&keep.spec.socket, &keep.spec.record] {
        drop(std::fs::remove_file(path));
    }
    keep.children.finish_logs();
    Ok(())
}

impl Keep {
    fn start_child(&self) -> Result<Rc<Child>, Failure> {
        let child = self.children.start(&self.spec, &self.sockets)?;
        self.current.replace(Some(child.clone()));
        Ok(child)
    }

    async fn supervise(
        self: Rc<Self>,
        mut orders: mpsc::UnboundedReceiver<Order>,
    ) -> Result<(), Failure> {
        let failed = |error| Failure::platform("cannot listen for signals").because(error);
        let mut term = signal(SignalKind::terminate()).map_err(failed)?;
        let mut int = signal(SignalKind::interrupt()).map_err(failed)?;
        let mut hangup = signal(SignalKind::hangup()).map_err(failed)?;
        let mut quick_deaths = 0;
        loop {
            let child = self.current.borrow().clone();
            let order = tokio::select! {
                biased;
                _ = term.recv() => Order::Stop(None),
                _ = int.recv() => Order::Stop(None),
                order = orders.recv() => order.unwrap_or(Order::Stop(None)),
                _ = hangup.recv() => Order::Restart(None),
                () = ended(child.as_deref()) => {
                    quick_deaths = match child {
                        Some(child) if child.age() > Duration::from_secs(5) => 0,
                        _ => quick_deaths + 1,
                    };
                    self.restarts.set(self.restarts.get() + 1);
                    tokio::time::sleep(back_off(quick_deaths)).await;
                    self.current.take();
                    // Tried again at the next turn, after the back-off.
                    let _ = self.start_child();
                    continue;
                }
            };
            match order {
                Order::Restart(reply) => {
                    let done = self.replace().await;
                    if let Some(reply) = reply {
                        let _ = reply.send(done);
                    }
                }
                Order::Stop(reply) => {
                    self.stop().await;
                    if let Some(reply) = reply {
                        let _ = reply.send(());
                    }
                    return Ok(());
                }
            }
        }
    }

    /// The new router first; the old one goes only when the new one serves.
    async fn replace(&self) -> Result<(), String> {
        let old = self.current.borrow().clone();
        let new = self
            .children
            .start(&self.spec, &self.sockets)
            .map_err(|failure| failure.to_string())?;
        if !new.ready_within(READY_WITHIN).await {
            new.signal(Signal::KILL);
            return Err("the new router did not become ready; the old one goes on".to_string());
        }
        self.current.replace(Some(new));
        if let Some(old) = old {
            old.signal(Signal::TERM);
        }
        Ok(())
    }

    async fn stop(&self) {
        let patience = Duration::from_millis(self.spec.timing.close_ms + 2_000);
        let until = Instant::now() + patience;
        self.children.signal_all(Signal::INT);
        if tokio::time::timeout_at(until.into(), self.children.all_ended()).await.is_err() {
            self.children.signal_all(Signal::KILL);
            self.children.all_ended().await;
        }
    }
}

async fn ended(child: Option<&Child>) {
    if let Some(child) = child {
        child.ended().await;
    }
}

/// At once after a long life or a first death, then slower, but not much: all visitors wait.
fn back_off(quick_deaths: u32) -> Duration {
    match quick_deaths {
        0 | 1 => Duration::ZERO,
        more => Duration::from_millis(100 << (more - 2).min(3)),
    }
}

impl wire::Answer for Keep {
    async fn answer(&self, path: &str, _: Value) -> Result<Value, String> {
        match path {
            "/status" => {
                let current = self.current.borrow();
                Ok(json!({
                    "pid": std::process::id(),
                    "http": self.spec.http,
                    "router": current.as_ref().map(|child| child.pid),
                    "ready": current.as_ref().is_some_and(|child| child.is_ready()),
                    "routers": self.children.count(),
                    "restarts": self.restarts.get(),
                }))
            }
            "/restart" => {
                let (reply, done) = oneshot::channel();
                let _ = self.orders.send(Order::Restart(Some(reply)));
                done.await.map_err(|_| "the keeper is stopping".to_string())??;
                Ok(json!({}))
            }
            "/stop" => {
                let (reply, done) = oneshot::channel();
                let _ = self.orders.send(Order::Stop(Some(reply)));
                // Its end is an answer, too.
                let _ = done.await;
                Ok(json!({}))
            }
            _ => Err(format!("{path} is not served here")),
        }
    }
}

/// Routers' numbers ascend over keepers as well, so that the newest is known.
fn first_number() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.unwrap_or_default().as_millis() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_router_that_dies_again_and_again_is_never_away_for_a_second() {
        assert_eq!(back_off(1), Duration::ZERO);
        assert!((2..10).all(|deaths| back_off(deaths) >= Duration::from_millis(100)));
        assert!((0..1000).all(|deaths| back_off(deaths) < Duration::from_secs(1)));
    }
}
