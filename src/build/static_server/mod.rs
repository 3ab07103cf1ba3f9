//! What runs as `web` when an app is a folder of files: GET and HEAD, nothing else.
//!
//! The files are listed once, at the start, and a request can only name one of the list:
//! there is no path to escape from. That is possible because a build never changes.

mod body;
mod content_type;
mod response;
mod site;

pub use site::Site;

use crate::app::Failure;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Serves `root` on `port` until SIGTERM or SIGINT, then ends the requests at hand.
/// `say` gets the lines of its log.
pub fn run(root: &Path, port: u16, say: &dyn Fn(&str)) -> Result<(), Failure> {
    let site = Site::open(root)?;
    say(&format!("serving {} files on port {port}", site.len()));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::platform("cannot start the static server").because(error))?;
    runtime.block_on(async {
        let failed =
            |error| Failure::platform(format!("cannot listen on port {port}")).because(error);
        let stop = terminated().map_err(failed)?;
        let listener = TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).await.map_err(failed)?;
        serve(listener, site, stop).await;
        Ok::<_, Failure>(())
    })?;
    say("stopped");
    Ok(())
}

/// Accepts until `stop`, then returns when every request that had begun is answered. How
/// long that may take is the stop window's business, not ours.
pub async fn serve(listener: TcpListener, site: Site, stop: impl Future<Output = ()>) {
    let site = Arc::new(site);
    let (stopping, stopped) = watch::channel(false);
    let mut connections = JoinSet::new();
    tokio::pin!(stop);
    loop {
        tokio::select! {
            () = &mut stop => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, Arc::clone(&site), stopped.clone()));
                }
                // Out of descriptors, most likely: the next try must not spin.
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
    drop(listener);
    _ = stopping.send(true);
    while connections.join_next().await.is_some() {}
}

async fn connection(stream: TcpStream, site: Arc<Site>, mut stopped: watch::Receiver<bool>) {
    _ = stream.set_nodelay(true);
    let answer = service_fn(move |request| {
        let site = Arc::clone(&site);
        async move { Ok::<_, Infallible>(response::answer(&site, &request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), answer);
    tokio::pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = stopped.wait_for(|stopped| *stopped) => {}
    }
    connection.as_mut().graceful_shutdown();
    _ = connection.await;
}

/// Installs the handlers now, so that no signal is missed, and waits later.
fn terminated() -> std::io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

#[cfg(test)]
mod tests;
