//! Accepts clients on one socket and serves them on this thread.

use super::handle::{Client, handle};
use super::heads::Heads;
use super::tap::Tap;
use super::worker::{Phase, Worker};
use hyper::header::HeaderValue;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::pin;
use std::rc::Rc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};

/// Accepts until the process drains, then waits until every connection has ended. The
/// socket itself stays open in the keeper: what queues there is for the next router.
pub async fn run(worker: Rc<Worker>, listener: TcpListener) {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(worker.timing.head_ms))
        .max_header_size(64 * 1024)
        .max_buf_size(80 * 1024)
        .auto_date_header(false);
    let mut phase = worker.phase.clone();
    loop {
        let closed = worker.closed.notified();
        let has_room = worker.open.get() < worker.most;
        tokio::select! {
            biased;
            _ = phase.wait_for(|phase| *phase != Phase::Serving) => break,
            () = closed, if !has_room => {}
            accepted = listener.accept(), if has_room => match accepted {
                Ok((stream, address)) => {
                    worker.open.set(worker.open.get() + 1);
                    tokio::task::spawn_local(serve(worker.clone(), builder.clone(), stream, address));
                }
                // Out of descriptors, or a client that is gone already.
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            },
        }
    }
    drop(listener);
    loop {
        let closed = worker.closed.notified();
        if worker.open.get() == 0 {
            break;
        }
        closed.await;
    }
}

async fn serve(worker: Rc<Worker>, builder: http1::Builder, stream: TcpStream, from: SocketAddr) {
    // Without it small answers wait for acknowledgements; a failure costs only that.
    let _ = stream.set_nodelay(true);
    let address = from.ip().to_canonical();
    let heads = Heads::default();
    let forwarded_for = HeaderValue::from_str(&address.to_string());
    let client = Rc::new(Client {
        worker: worker.clone(),
        address,
        forwarded_for: forwarded_for.unwrap_or(HeaderValue::from_static("unknown")),
        heads: heads.clone(),
    });
    let service = service_fn(move |request| {
        let client = client.clone();
        async move { Ok::<_, Infallible>(handle(client, request).await) }
    });
    let mut phase = worker.phase.clone();
    let io = TokioIo::new(Tap::new(stream, heads, worker.timing.idle()));
    let mut connection = pin!(builder.serve_connection(io, service).with_upgrades());
    tokio::select! {
        biased;
        // How a connection ends is for its requests to say.
        _ = connection.as_mut() => {}
        _ = phase.wait_for(|phase| *phase == Phase::Closing) => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
    worker.open.set(worker.open.get() - 1);
    worker.closed.notify_waiters();
}
