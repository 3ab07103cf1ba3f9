//! More clients than a router has descriptors for.

use super::harness::*;
use super::upstreams::*;
use rustix::process::{Pid, Resource, Rlimit};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

const DESCRIPTORS: u64 = 400;
const CROWD: usize = 600;
const POST: &str = "POST / HTTP/1.1\r\nHost: shop.localhost\r\nContent-Length: 2\r\n\r\nhi";

/// Of one core, over a second.
async fn busy(pid: i32) -> f64 {
    let ticks = || -> f64 {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        let (_, rest) = stat.rsplit_once(") ").unwrap();
        let times: Vec<f64> =
            rest.split(' ').skip(11).take(2).map(|t| t.parse().unwrap()).collect();
        times.iter().sum()
    };
    let before = ticks();
    tokio::time::sleep(Duration::from_secs(1)).await;
    (ticks() - before) / 100.0
}

#[tokio::test]
async fn a_router_lets_in_whom_it_can_serve_and_the_others_when_those_go() {
    let edge = Edge::start().await;
    let (mirror, _) = mirror().await;
    edge.publish(&[mirror]).await;
    let keeper = Pid::from_raw(edge.process.0.id() as i32);
    let limit = Rlimit { current: Some(DESCRIPTORS), maximum: Some(DESCRIPTORS) };
    rustix::process::prlimit(keeper, Resource::Nofile, limit).unwrap();
    edge.keeper.restart().await.unwrap();
    until("only the new one is left", async || edge.keeper.status().await.unwrap().routers == 1)
        .await;
    let router = edge.keeper.status().await.unwrap().router.unwrap();
    let mut kept = Vec::new();
    for _ in 0..8 {
        let mut client = edge.connect().await;
        client.write_all(get_request("/", "").as_bytes()).await.unwrap();
        assert_eq!(status(&read_answer(&mut client).await.unwrap()), 200);
        kept.push(client);
    }
    let mut crowd: Vec<TcpStream> = Vec::new();
    for _ in 0..CROWD {
        crowd.push(edge.connect().await);
    }
    let open = || std::fs::read_dir(format!("/proc/{router}/fd")).unwrap().count() as u64;
    until("it has let in all it will", async || open() > DESCRIPTORS / 4 * 3).await;
    assert!(busy(router).await < 0.3, "who waits for descriptors does nothing else");
    assert!(open() < DESCRIPTORS * 9 / 10, "some are left for instances: {}", open());
    for _ in 0..10 {
        // Each takes a connection of its own to the instance: they cannot be repeated.
        for client in &mut kept {
            client.write_all(POST.as_bytes()).await.unwrap();
        }
        for client in &mut kept {
            assert_eq!(status(&read_answer(client).await.unwrap()), 200);
        }
    }
    // The last one waits outside.
    let mut last = crowd.pop().unwrap();
    last.write_all(get_request("/", "Connection: close\r\n").as_bytes()).await.unwrap();
    drop(crowd);
    assert_eq!(status(&read_all(&mut last).await), 200);
    assert_eq!(status(&edge.get("/").await), 200);
    assert_eq!(edge.keeper.status().await.unwrap().router, Some(router), "it is the same one");
}
