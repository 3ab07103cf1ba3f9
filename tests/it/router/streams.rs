//! Bodies and tunnels, as they flow.

use super::harness::*;
use super::upstreams::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const CHUNKED: &str = "POST / HTTP/1.1\r\nHost: shop.localhost\r\nConnection: close\r\n\
                       Transfer-Encoding: chunked\r\n\r\n";

#[tokio::test]
async fn an_answer_arrives_as_the_app_sends_it() {
    let edge = Edge::start().await;
    let (go, wait) = tokio::sync::watch::channel(false);
    let app = raw(move |mut stream, _| {
        let mut wait = wait.clone();
        async move {
            read_head(&mut stream).await;
            say(&mut stream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
                .await;
            wait.wait_for(|go| *go).await.unwrap();
            say(&mut stream, "4\r\nlast\r\n0\r\n\r\n").await;
        }
    })
    .await;
    edge.publish(&[app]).await;
    let mut client = edge.connect().await;
    client.write_all(get_request("/", "Connection: close\r\n").as_bytes()).await.unwrap();
    let mut seen = Vec::new();
    while !String::from_utf8_lossy(&seen).contains("first") {
        assert!(client.read_buf(&mut seen).await.unwrap() > 0);
    }
    go.send(true).unwrap();
    assert!(read_all(&mut client).await.contains("last"));
}

#[tokio::test]
async fn an_upload_arrives_as_the_client_sends_it() {
    let edge = Edge::start().await;
    let (seen, mut arrived) = tokio::sync::mpsc::unbounded_channel();
    let app = raw(move |mut stream, _| {
        let seen = seen.clone();
        async move {
            let (_, mut body) = read_head(&mut stream).await.unwrap();
            while !body.ends_with(b"0\r\n\r\n") {
                seen.send(body.clone()).unwrap();
                assert!(stream.read_buf(&mut body).await.unwrap() > 0);
            }
            say(&mut stream, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
        }
    })
    .await;
    edge.publish(&[app]).await;
    let mut client = edge.connect().await;
    client.write_all(format!("{CHUNKED}5\r\nfirst\r\n").as_bytes()).await.unwrap();
    while !arrived.recv().await.unwrap().windows(5).any(|part| part == b"first") {}
    client.write_all(b"0\r\n\r\n").await.unwrap();
    assert_eq!(status(&read_all(&mut client).await), 200);
}

#[tokio::test]
async fn a_slow_client_slows_the_app_down_and_nobody_else() {
    let edge = Edge::start().await;
    let sent = Arc::new(AtomicU64::new(0));
    let count = sent.clone();
    const WHOLE: u64 = 200 << 20;
    let app = raw(move |mut stream, _| {
        let count = count.clone();
        async move {
            let (head, _) = read_head(&mut stream).await.unwrap();
            if !head.contains("/big") {
                return say(&mut stream, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
            }
            say(&mut stream, &format!("HTTP/1.1 200 OK\r\nContent-Length: {WHOLE}\r\n\r\n")).await;
            while stream.write_all(&[b'x'; 65536]).await.is_ok() {
                count.fetch_add(65536, Relaxed);
            }
        }
    })
    .await;
    edge.publish(&[app]).await;
    let mut slow = edge.connect().await;
    slow.write_all(get_request("/big", "").as_bytes()).await.unwrap();
    // Once the buffers between are full, nothing moves.
    let mut last = u64::MAX;
    until("the app is held back", async || {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let now = sent.load(Relaxed);
        std::mem::replace(&mut last, now) == now && now > 0
    })
    .await;
    assert!(sent.load(Relaxed) < WHOLE / 2, "{}", sent.load(Relaxed));
    for _ in 0..20 {
        assert_eq!(status(&edge.get("/small").await), 200);
    }
    drop(slow);
    edge.line(&["code=H27", "path=\"/big\"", "status=499"]).await;
}

#[tokio::test]
async fn a_client_that_goes_away_ends_the_request_at_the_app() {
    let edge = Edge::start().await;
    let (gone, mut told) = tokio::sync::mpsc::unbounded_channel();
    let app = raw(move |mut stream, _| {
        let gone = gone.clone();
        async move {
            read_head(&mut stream).await;
            gone.send("started").unwrap();
            let _ = stream.read(&mut [0; 1]).await;
            gone.send("ended").unwrap();
        }
    })
    .await;
    edge.publish(&[app]).await;
    let mut client = edge.connect().await;
    client.write_all(get_request("/gone", "").as_bytes()).await.unwrap();
    assert_eq!(told.recv().await, Some("started"));
    drop(client);
    assert_eq!(told.recv().await, Some("ended"));
    edge.line(&["code=H27", "/gone", "status=499"]).await;
    assert_eq!(edge.client.in_flight(&keyed(&[app])[0].key).await.unwrap().requests, 0);
}

#[tokio::test]
async fn continue_is_said_before_the_body_and_trailers_cross() {
    let edge = Edge::start().await;
    let app = raw(|mut stream, _| async move {
        let (head, mut body) = read_head(&mut stream).await.unwrap();
        assert!(!head.contains("expect:") && head.contains("te: trailers"), "{head}");
        while !body.ends_with(b"\r\n\r\n") {
            assert!(stream.read_buf(&mut body).await.unwrap() > 0);
        }
        assert!(String::from_utf8_lossy(&body).contains("x-sum: up"));
        let answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n\
                      2\r\nok\r\n0\r\nx-sum: down\r\n\r\n";
        say(&mut stream, answer).await;
    })
    .await;
    edge.publish(&[app]).await;
    let mut client = edge.connect().await;
    let head = "POST / HTTP/1.1\r\nHost: shop.localhost\r\nTransfer-Encoding: chunked\r\n\
                Trailer: x-sum\r\nTE: trailers\r\nConnection: close\r\nExpect: 100-continue\r\n\r\n";
    client.write_all(head.as_bytes()).await.unwrap();
    let mut seen = Vec::new();
    while !seen.ends_with(b"\r\n\r\n") {
        assert!(client.read_buf(&mut seen).await.unwrap() > 0);
    }
    assert!(seen.starts_with(b"HTTP/1.1 100"), "{}", String::from_utf8_lossy(&seen));
    client.write_all(b"2\r\nhi\r\n0\r\nx-sum: up\r\n\r\n").await.unwrap();
    let answer = read_all(&mut client).await;
    assert!(status(&answer) == 200 && answer.contains("x-sum: down"), "{answer}");
}

#[tokio::test]
async fn head_has_a_length_and_no_body() {
    let edge = Edge::start().await;
    let app = raw(|mut stream, _| async move {
        while let Some((head, _)) = read_head(&mut stream).await {
            assert!(head.starts_with("HEAD"));
            say(&mut stream, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n").await;
        }
    })
    .await;
    edge.publish(&[app]).await;
    for _ in 0..3 {
        let answer = edge
            .exchange("HEAD / HTTP/1.1\r\nHost: shop.localhost\r\nConnection: close\r\n\r\n")
            .await;
        assert!(
            answer.contains("content-length: 1000") && answer.ends_with("\r\n\r\n"),
            "{answer}"
        );
    }
    edge.line(&["method=HEAD", "status=200", "bytes=0"]).await;
}

#[tokio::test]
async fn connections_to_the_app_are_reused() {
    let edge = Edge::start().await;
    let (mirror, connections) = mirror().await;
    edge.publish(&[mirror]).await;
    let mut client = edge.connect().await;
    for _ in 0..50 {
        client.write_all(get_request("/", "").as_bytes()).await.unwrap();
        assert_eq!(status(&read_answer(&mut client).await.unwrap()), 200);
    }
    let used = connections.load(Relaxed);
    assert!(used < 10, "{used} connections for 50 requests");
}
