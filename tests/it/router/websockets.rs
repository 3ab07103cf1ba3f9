//! WebSockets through the router.

use super::harness::*;
use super::upstreams::*;
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

const HELLO: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
                     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// Agrees to every WebSocket and echoes; tells at the end all that it received.
async fn echo() -> (SocketAddr, mpsc::UnboundedReceiver<Vec<u8>>) {
    let (heard, all) = mpsc::unbounded_channel();
    let address = raw(move |mut stream, _| {
        let heard = heard.clone();
        async move {
            let (head, mut seen) = read_head(&mut stream).await.unwrap();
            assert!(head.contains("upgrade: websocket"), "{head}");
            let answer = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n\
                          Upgrade: websocket\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";
            say(&mut stream, answer).await;
            let mut buffer = [0; 4096];
            while let Ok(count) = stream.read(&mut buffer).await && count > 0 {
                seen.extend_from_slice(&buffer[..count]);
                if stream.write_all(&buffer[..count]).await.is_err() {
                    break;
                }
            }
            // The test may be over.
            let _ = heard.send(seen);
        }
    })
    .await;
    (address, all)
}

async fn open(edge: &Edge) -> TcpStream {
    let mut client = edge.connect().await;
    client.write_all(get_request("/ws", HELLO).as_bytes()).await.unwrap();
    let (head, rest) = read_head(&mut client).await.unwrap();
    assert!(head.starts_with("HTTP/1.1 101") && rest.is_empty(), "{head}");
    assert!(head.contains("upgrade: websocket") && head.contains("sec-websocket-accept: s3p"));
    client
}

async fn back_and_forth(client: &mut TcpStream) {
    // A masked text frame; the echo sends it back as it is.
    let frame = [0x81, 0x85, 0, 0, 0, 0, b'h', b'e', b'l', b'l', b'o'];
    client.write_all(&frame).await.unwrap();
    let mut back = [0; 11];
    client.read_exact(&mut back).await.unwrap();
    assert_eq!(back, frame);
}

#[tokio::test]
async fn a_websocket_carries_both_ways_and_is_logged_when_it_ends() {
    let edge = Edge::start().await;
    let (app, mut heard) = echo().await;
    edge.publish(&[app]).await;
    let mut client = open(&edge).await;
    for _ in 0..10 {
        back_and_forth(&mut client).await;
    }
    let here = edge.client.in_flight(&keyed(&[app])[0].key).await.unwrap();
    assert_eq!((here.requests, here.websockets), (0, 1));
    client.shutdown().await.unwrap();
    assert!(read_all(&mut client).await.is_empty());
    assert_eq!(heard.recv().await.unwrap().len(), 110);
    edge.line(&["at=info", "path=\"/ws\"", "status=101", "bytes=110"]).await;
    until("it counts no longer", async || {
        edge.client.in_flight(&keyed(&[app])[0].key).await.unwrap().websockets == 0
    })
    .await;
}

#[tokio::test]
async fn closing_an_instances_websockets_says_going_away_to_both_ends() {
    let edge = Edge::start().await;
    let (app, mut heard) = echo().await;
    edge.publish(&[app]).await;
    let mut client = open(&edge).await;
    back_and_forth(&mut client).await;
    // Also after the instance has left the table.
    let (other, _) = mirror().await;
    edge.publish(&[other]).await;
    edge.client.close_websockets(&keyed(&[app])[0].key).await.unwrap();
    let mut frame = [0; 4];
    client.read_exact(&mut frame).await.unwrap();
    assert_eq!(frame, [0x88, 2, 0x03, 0xe9]);
    let seen = heard.recv().await.unwrap();
    assert_eq!(&seen[11..], [0x88, 0x82, 0, 0, 0, 0, 3, 0xe9]);
}

#[tokio::test]
async fn a_websocket_lives_through_a_planned_restart() {
    let edge = Edge::start().await;
    let (app, _heard) = echo().await;
    edge.publish(&[app]).await;
    let mut client = open(&edge).await;
    edge.keeper.restart().await.unwrap();
    back_and_forth(&mut client).await;
    let mut new = open(&edge).await;
    back_and_forth(&mut new).await;
    let here = edge.client.in_flight(&keyed(&[app])[0].key).await.unwrap();
    assert_eq!(here.websockets, 2, "over both routers");
}

#[tokio::test]
async fn an_app_that_declines_a_websocket_is_heard() {
    let edge = Edge::start().await;
    let (mirror, _) = mirror().await;
    edge.publish(&[mirror]).await;
    let answer = edge
        .exchange(get_request("/ws", &HELLO.replace("Upgrade\r\n", "Upgrade, close\r\n")))
        .await;
    assert_eq!(status(&answer), 200, "{answer}");
    let plain = edge.get("/h2c").await;
    assert!(!plain.contains("upgrade:"), "{plain}");
    let h2c = edge
        .exchange(get_request(
            "/",
            "Connection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA\r\n",
        ))
        .await;
    assert!(!h2c.contains("h2c") && !h2c.contains("http2-settings"), "{h2c}");
}
