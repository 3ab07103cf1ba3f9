//! What is refused, what is replaced, what is said when nobody answers.

use super::harness::*;
use super::upstreams::*;
use xii::router::{State, Timing};

async fn edge() -> Edge {
    let edge = Edge::start().await;
    let (mirror, _) = mirror().await;
    edge.publish(&[mirror]).await;
    edge
}

#[tokio::test]
async fn a_request_reaches_the_app_with_our_headers_and_without_the_clients_claims() {
    let edge = edge().await;
    let answer = edge
        .exchange(
            "GET /a?b=c HTTP/1.1\r\nHost: SHOP.localhost:80\r\nX-Forwarded-For: 6.6.6.6\r\n\
             X-Forwarded-Proto: https\r\nConnection: close, X-Secret\r\nX-Secret: 1\r\n\
             Keep-Alive: 5\r\nX-Request-Id: short\r\n\r\n",
        )
        .await;
    assert_eq!(status(&answer), 200, "{answer}");
    for part in [
        "GET /a?b=c HTTP/1.1",
        "host: SHOP.localhost:80",
        "x-forwarded-for: 127.0.0.1",
        "x-forwarded-proto: http\n",
        &format!("x-forwarded-port: {}", edge.address.port()),
        "x-request-start: 1",
        "via: 1.1 xii",
    ] {
        assert!(answer.contains(part), "{part} in {answer}");
    }
    for part in ["6.6.6.6", "x-secret", "short", "\nkeep-alive"] {
        assert!(!answer.contains(part), "{part} in {answer}");
    }
    let kept = edge
        .exchange(get_request("/", "Connection: close\r\nX-Request-Id: abcdefghij0123456789\r\n"))
        .await;
    assert!(kept.contains("x-request-id: abcdefghij0123456789"), "{kept}");
}

#[tokio::test]
async fn smuggling_and_ambiguity_are_refused_with_400_and_a_closed_connection() {
    let edge = edge().await;
    let long =
        format!("GET / HTTP/1.1\r\nHost: shop.localhost\r\nX: {}\r\n\r\n", "a".repeat(70_000));
    let many = format!("GET / HTTP/1.1\r\nHost: shop.localhost\r\n{}\r\n", "X: 1\r\n".repeat(150));
    let probes = [
        (
            "POST / HTTP/1.1\r\nHost: shop.localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
        ),
        (
            "POST / HTTP/1.1\r\nHost: shop.localhost\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
            400,
        ),
        (
            "POST / HTTP/1.1\r\nHost: shop.localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n12345",
            400,
        ),
        (
            "POST / HTTP/1.1\r\nHost: shop.localhost\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            501,
        ),
        ("GET / HTTP/1.1\r\nHost: shop.localhost\r\nHost: shop.localhost\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET http://other/ HTTP/1.1\r\nHost: shop.localhost\r\n\r\n", 400),
        ("GET * HTTP/1.1\r\nHost: shop.localhost\r\n\r\n", 400),
        ("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", 405),
        ("GET / HTTP/1.1\r\nHost: shop.localhost\r\nX: a\r\n b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: shop.localhost\r\nX: a\0b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: shop.localhost\r\nX : a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
        (&*long, 431),
        (&*many, 431),
    ];
    for (request, expected) in probes {
        let shown = &request[..request.len().min(150)];
        let answer = edge.exchange(request).await;
        assert_eq!(status(&answer), expected, "{shown}\n{answer}");
    }
    edge.line(&["at=error", "both Content-Length and Transfer-Encoding", "status=400"]).await;
}

#[tokio::test]
async fn both_lengths_are_refused_behind_a_pipelined_request_as_well() {
    let edge = edge().await;
    let answer = edge
        .exchange(format!(
            "{}POST / HTTP/1.1\r\nHost: shop.localhost\r\nContent-Length: 5\r\n\
             Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            get_request("/first", "")
        ))
        .await;
    assert!(answer.contains("GET /first"), "{answer}");
    assert!(answer.contains("HTTP/1.1 400"), "{answer}");
}

#[tokio::test]
async fn a_malformed_body_is_the_clients_fault() {
    let edge = edge().await;
    let head = "POST / HTTP/1.1\r\nHost: shop.localhost\r\nTransfer-Encoding: chunked\r\n\r\n";
    for body in ["3;a\nb\r\nabc\r\n0\r\n\r\n", "xyz\r\n", "3\r\nabcdef\r\n0\r\n\r\n"] {
        let answer = edge.exchange(format!("{head}{body}")).await;
        assert_eq!(status(&answer), 400, "{body:?} {answer}");
    }
}

#[tokio::test]
async fn an_http_1_0_client_is_served_and_its_connection_closed() {
    let edge = edge().await;
    let answer = edge.exchange("GET / HTTP/1.0\r\nHost: shop.localhost\r\n\r\n").await;
    assert!(answer.contains("GET / HTTP/1.1"), "{answer}");
    edge.line(&["protocol=http1.0", "status=200"]).await;
}

#[tokio::test]
async fn an_unknown_host_gets_a_small_page_that_names_nothing() {
    let edge = edge().await;
    let html = edge
        .exchange("GET / HTTP/1.1\r\nHost: ghost.localhost\r\nAccept: text/html\r\nConnection: close\r\n\r\n")
        .await;
    assert_eq!(status(&html), 404);
    assert!(html.contains("<h1>There is no app here</h1>"), "{html}");
    let plain =
        edge.exchange("GET / HTTP/1.1\r\nHost: ghost.localhost\r\nConnection: close\r\n\r\n").await;
    assert!(plain.contains("text/plain") && !plain.contains("ghost"), "{plain}");
}

#[tokio::test]
async fn every_state_without_an_instance_has_its_code() {
    let edge = Edge::with(Timing { boot_ms: 50, ..quick() }).await;
    for (state, code) in [
        (State::NoProcesses, "H14"),
        (State::Stopped, "H14"),
        (State::Crashed, "H10"),
        (State::Serving, "H10"),
        (State::Starting, "H20"),
    ] {
        edge.publish_state(state, &[]).await;
        let path = format!("/{state:?}");
        let answer = edge.get(&path).await;
        assert_eq!(status(&answer), 503, "{answer}");
        assert!(!answer.contains(code), "{answer}");
        edge.line(&[&format!("code={code}"), &path, "status=503"]).await;
    }
}

#[tokio::test]
async fn a_request_waits_for_an_app_that_is_starting() {
    let edge = Edge::start().await;
    edge.publish_state(State::Starting, &[]).await;
    let mut early = edge.connect().await;
    let request = get_request("/early", "Connection: close\r\n");
    tokio::io::AsyncWriteExt::write_all(&mut early, request.as_bytes()).await.unwrap();
    // Publishing twice more while it waits: only an instance lets it go.
    edge.publish_state(State::Starting, &[]).await;
    let (mirror, _) = mirror().await;
    edge.publish(&[mirror]).await;
    let answer = read_all(&mut early).await;
    assert_eq!(status(&answer), 200, "{answer}");
}

#[tokio::test]
async fn apps_that_fail_have_their_codes() {
    let edge = Edge::with(Timing { first_byte_ms: 300, idle_ms: 300, ..quick() }).await;
    let silent = raw(|mut stream, _| async move {
        read_head(&mut stream).await;
        read_head(&mut stream).await;
    });
    let closing = raw(|mut stream, _| async move {
        read_head(&mut stream).await;
    });
    let garbage = raw(|mut stream, _| async move {
        read_head(&mut stream).await;
        say(&mut stream, "what do you want\r\n\r\n").await;
    });
    let half = raw(|mut stream, _| async move {
        read_head(&mut stream).await;
        say(&mut stream, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc").await;
    });
    let stuck = raw(|mut stream, _| async move {
        read_head(&mut stream).await;
        say(&mut stream, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc").await;
        read_head(&mut stream).await;
    });
    let refused = "127.0.0.1:9".parse().unwrap();
    for (upstream, code, seen) in [
        (silent.await, "H12", 503),
        (closing.await, "H13", 503),
        (garbage.await, "H17", 503),
        (refused, "H21", 503),
        (half.await, "H18", 200),
        (stuck.await, "H15", 200),
    ] {
        edge.publish(&[upstream]).await;
        let answer = edge.get(&format!("/{code}")).await;
        assert_eq!(status(&answer), seen, "{code} {answer}");
        edge.line(&[&format!("code={code}"), &format!("/{code}"), "status=503"]).await;
    }
}
