//! How long a router waits, for whom, and what it says then.

use super::harness::*;
use super::upstreams::*;
use std::process::Command;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt};
use tokio::net::TcpStream;
use xii::router::{State, Timing};

#[tokio::test]
async fn idle_and_dawdling_clients_are_let_go() {
    let edge = Edge::with(Timing { head_ms: 300, ..quick() }).await;
    let (mirror, _) = mirror().await;
    edge.publish(&[mirror]).await;
    assert_eq!(edge.exchange("").await, "", "a silent one");
    assert!(!edge.exchange("GET / HTTP/1.1\r\nHost: shop.loc").await.contains("200"));
    let kept = edge.exchange(get_request("/", "")).await;
    assert_eq!(status(&kept), 200, "answered, then closed: {kept}");
}

#[tokio::test]
async fn a_client_that_stops_sending_its_body_gets_408_and_a_slow_one_is_waited_for() {
    let edge = Edge::with(Timing { idle_ms: 600, first_byte_ms: 200, ..quick() }).await;
    let (mirror, _) = mirror().await;
    edge.publish(&[mirror]).await;
    let head = "POST /stalled HTTP/1.1\r\nHost: shop.localhost\r\nContent-Length: 5\r\n\r\nab";
    let answer = edge.exchange(head).await;
    assert_eq!(status(&answer), 408, "{answer}");
    edge.line(&["code=H28", "/stalled", "status=499"]).await;
    // Five pauses of 200 ms: longer in all than any limit.
    let mut slow = edge.connect().await;
    let head =
        "POST / HTTP/1.1\r\nHost: shop.localhost\r\nConnection: close\r\nContent-Length: 5\r\n\r\n";
    slow.write_all(head.as_bytes()).await.unwrap();
    for byte in b"abcde" {
        tokio::time::sleep(Duration::from_millis(200)).await;
        slow.write_all(&[*byte]).await.unwrap();
    }
    let answer = read_all(&mut slow).await;
    assert!(status(&answer) == 200 && answer.ends_with("abcde"), "{answer}");
}

/// Requests share the alarm of their connection to the app, and it is moved as seldom as can be.
#[tokio::test]
async fn each_request_on_a_kept_connection_has_its_own_time() {
    let edge = Edge::with(Timing { idle_ms: 60_000, first_byte_ms: 1000, ..quick() }).await;
    let app = raw(|mut stream, number| async move {
        let (_, mut body) = read_head(&mut stream).await.unwrap();
        while !body.ends_with(b"z") {
            stream.read_buf(&mut body).await.unwrap();
        }
        for _ in 0..4 {
            tokio::time::sleep(Duration::from_millis(600)).await;
            say(&mut stream, &format!("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{number}"))
                .await;
            read_head(&mut stream).await;
        }
        read_head(&mut stream).await;
    });
    edge.publish(&[app.await]).await;
    let mut client = edge.connect().await;
    // An upload that takes longer than an answer may: it moves the alarm far ahead.
    client
        .write_all(b"POST / HTTP/1.1\r\nHost: shop.localhost\r\nContent-Length: 2\r\n\r\na")
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(1300)).await;
    client.write_all(b"z").await.unwrap();
    let mut answers = vec![read_answer(&mut client).await.unwrap()];
    for _ in 0..3 {
        client.write_all(get_request("/", "").as_bytes()).await.unwrap();
        answers.push(read_answer(&mut client).await.unwrap());
    }
    for answer in &answers {
        assert!(
            status(answer) == 200 && answer.ends_with('0'),
            "on the first connection: {answer}"
        );
    }
    is_given_up_after(&mut client, &get_request("/silent", ""), Duration::from_millis(900)).await;
}

/// The app says nothing to this; what is waited besides is far from the idle limit of a minute.
async fn is_given_up_after(client: &mut TcpStream, request: &str, least: Duration) {
    let began = Instant::now();
    client.write_all(request.as_bytes()).await.unwrap();
    assert_eq!(status(&read_answer(client).await.unwrap()), 503);
    let waited = began.elapsed();
    assert!(waited > least && waited < Duration::from_secs(20), "{waited:?}");
}

/// The alarm of the connection rings while nobody uses it; the next request has a body.
#[tokio::test]
async fn a_body_on_a_connection_of_old_moves_no_alarm_too_far() {
    let edge = Edge::with(Timing { idle_ms: 60_000, first_byte_ms: 600, ..quick() }).await;
    let app = raw(|mut stream, _| async move {
        while let Some((head, _)) = read_head(&mut stream).await {
            if head.starts_with("GET") {
                say(&mut stream, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
            }
        }
    });
    edge.publish(&[app.await]).await;
    let mut client = edge.connect().await;
    // Until the app is known to let connections rest. Each finds that its alarm has rung, and
    // sets it; the last but one 80 ms before it rings again.
    let known = Instant::now() + Duration::from_secs(12);
    let mut rest = Duration::from_millis(700);
    while rest > Duration::from_millis(100) {
        client.write_all(get_request("/", "").as_bytes()).await.unwrap();
        read_answer(&mut client).await.unwrap();
        if Instant::now() > known {
            rest = Duration::from_millis(if rest.as_millis() == 700 { 520 } else { 100 });
        }
        tokio::time::sleep(rest).await;
    }
    let post = "POST /silent HTTP/1.1\r\nHost: shop.localhost\r\nContent-Length: 1\r\n\r\nx";
    is_given_up_after(&mut client, post, Duration::from_millis(550)).await;
}

#[tokio::test]
async fn a_client_that_takes_nothing_is_cut_off() {
    let edge = Edge::with(Timing { idle_ms: 300, ..quick() }).await;
    let app = raw(|mut stream, _| async move {
        read_head(&mut stream).await;
        say(&mut stream, "HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n").await;
        while stream.write_all(&[b'x'; 65536]).await.is_ok() {}
    })
    .await;
    edge.publish(&[app]).await;
    let mut deaf = edge.connect().await;
    deaf.write_all(get_request("/deaf", "").as_bytes()).await.unwrap();
    edge.line(&["code=H27", "/deaf"]).await;
    assert_eq!(edge.client.in_flight(&keyed(&[app])[0].key).await.unwrap().requests, 0);
}

#[tokio::test]
async fn a_silent_websocket_is_closed() {
    let edge = Edge::with(Timing { idle_ms: 300, ..quick() }).await;
    let app = raw(|mut stream, _| async move {
        read_head(&mut stream).await;
        let answer = "HTTP/1.1 101 Hi\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n";
        say(&mut stream, answer).await;
        read_head(&mut stream).await;
    })
    .await;
    edge.publish(&[app]).await;
    let hello = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
    assert!(edge.exchange(get_request("/quiet", hello)).await.starts_with("HTTP/1.1 101"));
    edge.line(&["code=H15", "/quiet"]).await;
}

#[tokio::test]
async fn only_so_many_requests_wait_for_a_starting_app() {
    let edge = Edge::with(Timing { boot_most: 2, ..quick() }).await;
    edge.publish_state(State::Starting, &[]).await;
    let mut waiting = Vec::new();
    // Two threads hold two each; the fifth at the latest is turned away, at once.
    let began = Instant::now();
    for _ in 0..5 {
        let mut stream = edge.connect().await;
        let request = get_request("/wait", "Connection: close\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        waiting.push(stream);
    }
    edge.line(&["code=H11", "status=503"]).await;
    assert!(began.elapsed() < Duration::from_millis(quick().boot_ms));
    let (mirror, _) = mirror().await;
    edge.publish(&[mirror]).await;
    let mut answered = 0;
    for stream in &mut waiting {
        answered += usize::from(status(&read_all(stream).await) == 200);
    }
    assert!((2..5).contains(&answered), "{answered}");
}

#[tokio::test]
async fn a_log_that_stands_still_holds_up_no_request() {
    let edge = Edge::start().await;
    let (mirror, _) = mirror().await;
    edge.publish(&[mirror]).await;
    let keeper = edge.process.0.id().to_string();
    let signal = |name: &str| {
        assert!(Command::new("kill").arg(name).arg(&keeper).status().unwrap().success())
    };
    signal("-STOP");
    let long = "x".repeat(4000);
    let mut client = edge.connect().await;
    // Far more than the pipe holds.
    for _ in 0..200 {
        client.write_all(get_request(&format!("/{long}"), "").as_bytes()).await.unwrap();
        assert_eq!(status(&read_answer(&mut client).await.unwrap()), 200);
    }
    signal("-CONT");
    client.write_all(get_request("/moving-again", "").as_bytes()).await.unwrap();
    edge.line(&["/moving-again"]).await;
}
