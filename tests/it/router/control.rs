//! What the server asks of a router.

use super::harness::*;
use super::upstreams::*;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use xii::router::{State, Table};

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

#[tokio::test]
async fn a_router_that_starts_later_uses_the_table_published_before() {
    let edge = Edge::start().await;
    let (mirror, _) = mirror().await;
    edge.publish(&[mirror]).await;
    edge.keeper.restart().await.unwrap();
    assert_eq!(status(&edge.get("/").await), 200);
    let generations: Vec<_> =
        edge.client.status().await.unwrap().iter().map(|router| router.generation).collect();
    assert!(generations.iter().all(|generation| *generation == 1), "{generations:?}");
}

#[tokio::test]
async fn an_older_table_is_acknowledged_and_ignored() {
    let edge = Edge::start().await;
    let (mirror, _) = mirror().await;
    for _ in 0..3 {
        edge.publish(&[mirror]).await;
    }
    let old = Table { generation: 2, services: vec![], alone: None };
    edge.client.publish(&old).await.unwrap();
    assert_eq!(status(&edge.get("/").await), 200);
    assert_eq!(edge.client.status().await.unwrap()[0].generation, 3);
}

#[tokio::test]
async fn a_socket_left_behind_stops_no_publication_and_is_removed() {
    let edge = Edge::start().await;
    let left = edge.spec.router_dir.join("1.sock");
    drop(std::os::unix::net::UnixListener::bind(&left).unwrap());
    edge.publish_state(State::Stopped, &[]).await;
    assert!(!left.exists());
}

#[tokio::test]
async fn a_lone_service_answers_at_the_plain_address() {
    let edge = Edge::start().await;
    let (mirror, _) = mirror().await;
    edge.publish(&[mirror]).await;
    let request = format!("GET / HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", edge.address);
    assert_eq!(status(&edge.exchange(&request).await), 404);
    let mut table: Table =
        serde_json::from_slice(&std::fs::read(edge.spec.router_dir.join("routes.json")).unwrap())
            .unwrap();
    table.generation += 1;
    table.alone = Some("shop".parse().unwrap());
    edge.client.publish(&table).await.unwrap();
    assert_eq!(status(&edge.exchange(&request).await), 200);
}

#[tokio::test]
async fn a_probe_tells_how_far_it_came() {
    let edge = Edge::start().await;
    let (mirror, _) = mirror().await;
    let silent = raw(|mut stream, _| async move {
        read_head(&mut stream).await;
        read_head(&mut stream).await;
    })
    .await;
    let probe = async |address, limit| {
        edge.client.probe(address, "shop.localhost", "/up", limit).await.unwrap()
    };
    let ready = probe(mirror, PATIENCE).await;
    assert_eq!((ready.connected, ready.status), (true, Some(200)));
    let mute = probe(silent, Duration::from_millis(200)).await;
    assert_eq!((mute.connected, mute.status), (true, None));
    let absent = probe("127.0.0.1:9".parse().unwrap(), PATIENCE).await;
    assert_eq!((absent.connected, absent.status), (false, None));
}

#[tokio::test]
async fn stats_count_what_visitors_met() {
    let edge = Edge::start().await;
    let from = now();
    let app = raw(|mut stream, _| async move {
        while let Some((head, _)) = read_head(&mut stream).await {
            let status = if head.contains("/bad") { "500 Oh" } else { "200 OK" };
            say(&mut stream, &format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n")).await;
        }
    })
    .await;
    edge.publish(&[app]).await;
    for path in ["/", "/", "/bad", "/"] {
        edge.get(path).await;
    }
    // Over a restart as well, as long as the old router drains.
    let deploy = "shop".parse().unwrap();
    let stats = async || edge.client.stats(&deploy, from, now()).await.unwrap();
    until("all are counted", async || stats().await.requests == 4).await;
    let seen = stats().await;
    assert_eq!(seen.failed, 1);
    assert!(
        seen.p50_ms > 0.0 && seen.p50_ms <= seen.p99_ms && seen.p99_ms <= seen.max_ms,
        "{seen:?}"
    );
    let nobody = "nobody".parse().unwrap();
    assert_eq!(edge.client.stats(&nobody, from, now()).await.unwrap().requests, 0);
}

#[tokio::test]
async fn a_refused_connection_goes_to_another_instance() {
    let edge = Edge::start().await;
    let (mirror, _) = mirror().await;
    edge.publish(&["127.0.0.1:9".parse().unwrap(), mirror]).await;
    for round in 0..10 {
        let post = "POST / HTTP/1.1\r\nHost: shop.localhost\r\nConnection: close\r\n\
                    Content-Length: 2\r\n\r\nhi";
        let answer = edge.exchange(post).await;
        assert_eq!(status(&answer), 200, "round {round} {answer}");
    }
}
