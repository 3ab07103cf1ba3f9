//! Apps, as far as a router can tell.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Runs `serve` for every connection; ends with the test's runtime.
pub async fn raw<F: Future<Output = ()> + Send + 'static>(
    serve: impl Fn(TcpStream, usize) -> F + Send + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        for number in 0.. {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(serve(stream, number));
        }
    });
    address
}

/// Answers every request with what it was: request line, headers, body.
pub async fn mirror() -> (SocketAddr, Arc<AtomicUsize>) {
    let connections = Arc::new(AtomicUsize::new(0));
    let count = connections.clone();
    let address = raw(move |stream, _| {
        count.fetch_add(1, Ordering::Relaxed);
        async move {
            let service =
                service_fn(|request| async { Ok::<_, Infallible>(reflect(request).await) });
            let builder = hyper::server::conn::http1::Builder::new();
            let _ = builder.serve_connection(TokioIo::new(stream), service).await;
        }
    })
    .await;
    (address, connections)
}

async fn reflect(request: Request<Incoming>) -> Response<Full<Bytes>> {
    let (parts, body) = request.into_parts();
    let mut text = format!("{} {} {:?}\n", parts.method, parts.uri, parts.version);
    for (name, value) in &parts.headers {
        text.push_str(&format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes())));
    }
    // A body that breaks off is what some tests are about.
    let Ok(collected) = body.collect().await else {
        return Response::builder().status(400).body(Full::default()).unwrap();
    };
    if let Some(trailers) = collected.trailers() {
        text.push_str(&format!("trailers: {trailers:?}\n"));
    }
    text.push_str(&format!("\n{}", String::from_utf8_lossy(&collected.to_bytes())));
    Response::new(Full::new(Bytes::from(text)))
}

/// Reads until the empty line; returns the head, and what came behind it.
pub async fn read_head(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        if let Some(end) = bytes.windows(4).position(|part| part == b"\r\n\r\n") {
            let rest = bytes.split_off(end + 4);
            return Some((String::from_utf8_lossy(&bytes).into_owned(), rest));
        }
        match stream.read(&mut buffer).await {
            Ok(count) if count > 0 => bytes.extend_from_slice(&buffer[..count]),
            _ => return None,
        }
    }
}

pub async fn say(stream: &mut TcpStream, text: &str) {
    // The router may be gone on purpose.
    let _ = stream.write_all(text.as_bytes()).await;
}
