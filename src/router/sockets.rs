//! The listening sockets. They are made once and never again: closing one would drop the
//! connections queued on it.

use crate::app::Failure;
use std::net::{SocketAddr, TcpListener};
use std::time::{Duration, Instant};

/// Connections the kernel queues per socket while no router accepts.
const BACKLOG: u32 = 4096;

/// One socket per thread, all at one address.
pub async fn bind(address: SocketAddr, count: usize) -> Result<Vec<TcpListener>, Failure> {
    let failed = |error: std::io::Error| {
        let failure = Failure::platform(format!("cannot listen on {address}"));
        match error.kind() {
            std::io::ErrorKind::AddrInUse => {
                failure.why("another program listens there").next("XII_HTTP=127.0.0.1:8081 xii up")
            }
            _ => failure.because(error),
        }
    };
    // SO_REUSEPORT would share the port with a stranger of the same user: look first.
    let alone = retry_in_use(|| socket(address, false)).await.map_err(failed)?;
    let address = alone.local_addr().map_err(failed)?;
    drop(alone);
    let sockets = (0..count).map(|_| socket(address, true));
    sockets.collect::<Result<_, _>>().map_err(failed)
}

/// A router that was told to go may need a moment.
async fn retry_in_use<T>(make: impl Fn() -> std::io::Result<T>) -> std::io::Result<T> {
    let until = Instant::now() + Duration::from_secs(3);
    loop {
        match make() {
            Err(error)
                if error.kind() == std::io::ErrorKind::AddrInUse && Instant::now() < until =>
            {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            made => return made,
        }
    }
}

fn socket(address: SocketAddr, shared: bool) -> std::io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => tokio::net::TcpSocket::new_v4()?,
        SocketAddr::V6(_) => tokio::net::TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    socket.set_reuseport(shared)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)?.into_std()
}
