//! Apps that close the connections a router keeps, when it suits nobody.

use super::harness::*;
use super::upstreams::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

#[tokio::test]
async fn an_app_that_closes_idle_connections_costs_no_request() {
    let edge = Edge::start().await;
    let answered = Arc::new(AtomicUsize::new(0));
    let count = answered.clone();
    // Every connection is closed unannounced: at once, or 210 to 900 ms after an answer.
    let app = raw(move |mut stream, number| {
        let count = count.clone();
        async move {
            let then = Duration::from_millis([0, 210, 300, 450, 900][number % 5]);
            let mut patience = PATIENCE;
            loop {
                let next = tokio::time::timeout(patience, read_head(&mut stream)).await;
                let next = next.ok().flatten();
                let Some((head, mut body)) = next else { return };
                if head.starts_with("POST") {
                    while body.len() < 2 {
                        assert!(stream.read_buf(&mut body).await.unwrap() > 0);
                    }
                }
                count.fetch_add(1, Relaxed);
                say(&mut stream, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
                patience = then;
                if then.is_zero() {
                    return;
                }
            }
        }
    })
    .await;
    edge.publish(&[app]).await;
    let mut client = edge.connect().await;
    for round in 0..30 {
        let request = match round % 3 {
            0 => get_request("/", ""),
            _ => {
                "POST / HTTP/1.1\r\nHost: shop.localhost\r\nContent-Length: 2\r\n\r\nhi".to_string()
            }
        };
        client.write_all(request.as_bytes()).await.unwrap();
        let answer = read_answer(&mut client).await.unwrap();
        assert_eq!(status(&answer), 200, "round {round}: {answer}");
        tokio::time::sleep(Duration::from_millis([20, 205, 250, 460][round % 4])).await;
    }
    assert_eq!(answered.load(Relaxed), 30, "none was sent twice");
}

#[tokio::test]
async fn an_app_that_closes_behind_its_answers_costs_no_request_that_cannot_be_repeated() {
    let edge = Edge::start().await;
    let answered = Arc::new(AtomicUsize::new(0));
    let count = answered.clone();
    // Every other connection is closed unannounced, at once or a moment later: while another
    // request may be on its way already.
    let app = raw(move |mut stream, number| {
        let count = count.clone();
        async move {
            while let Some((head, mut body)) = read_head(&mut stream).await {
                while head.starts_with("POST") && body.len() < 2 {
                    assert!(stream.read_buf(&mut body).await.unwrap() > 0);
                }
                count.fetch_add(1, Relaxed);
                say(&mut stream, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").await;
                if number % 2 == 0 {
                    tokio::time::sleep(Duration::from_micros(number as u64 % 7 * 100)).await;
                    return;
                }
            }
        }
    })
    .await;
    edge.publish(&[app]).await;
    let visits = (0..8).map(|number| {
        let address = edge.address;
        tokio::spawn(async move {
            let mut client = TcpStream::connect(address).await.unwrap();
            for round in 0..150 {
                let request = match (round + number) % 3 {
                    0 => "POST / HTTP/1.1\r\nHost: shop.localhost\r\nContent-Length: 2\r\n\r\nhi",
                    _ => "GET / HTTP/1.1\r\nHost: shop.localhost\r\n\r\n",
                };
                client.write_all(request.as_bytes()).await.unwrap();
                let answer = read_answer(&mut client).await.unwrap();
                assert_eq!(status(&answer), 200, "{number}.{round}: {answer}");
            }
        })
    });
    for visit in visits.collect::<Vec<_>>() {
        visit.await.unwrap();
    }
    assert_eq!(answered.load(Relaxed), 8 * 150, "none was done twice");
}
