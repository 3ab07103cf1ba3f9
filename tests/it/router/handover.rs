//! Routers that die, are replaced and drain, and the sockets that stay.

use super::harness::*;
use super::load::Load;
use super::upstreams::*;
use std::process::Command;
use tokio::io::AsyncWriteExt;
use xii::router::{KeepRouterRecord, KeepRouterSpec, KeeperClient};

fn kill(signal: &str, pid: impl std::fmt::Display) {
    assert!(Command::new("kill").args([signal, &pid.to_string()]).status().unwrap().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_planned_restart_under_load_fails_no_request() {
    let edge = Edge::start().await;
    let (mirror, _) = mirror().await;
    edge.publish(&[mirror]).await;
    let load = Load::start(edge.address, 8, 4);
    load.more(200).await;
    for _ in 0..3 {
        edge.keeper.restart().await.unwrap();
        load.more(500).await;
    }
    let (answered, failures) = load.stop().await;
    assert!(failures.is_empty(), "{} of {answered}: {:?}", failures.len(), failures[0]);
    until("the old routers have drained", async || {
        edge.keeper.status().await.unwrap().routers == 1
    })
    .await;
}

#[tokio::test]
async fn a_hangup_restarts_the_router_and_an_answer_begun_before_is_finished() {
    let edge = Edge::start().await;
    let (go, wait) = tokio::sync::watch::channel(false);
    let slow = raw(move |mut stream, _| {
        let mut wait = wait.clone();
        async move {
            read_head(&mut stream).await;
            say(&mut stream, "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc").await;
            wait.wait_for(|go| *go).await.unwrap();
            say(&mut stream, "def").await;
        }
    })
    .await;
    edge.publish(&[slow]).await;
    let mut client = edge.connect().await;
    client.write_all(get_request("/", "Connection: close\r\n").as_bytes()).await.unwrap();
    until("the request is in flight", async || {
        edge.client.in_flight(&keyed(&[slow])[0].key).await.unwrap().requests == 1
    })
    .await;
    let before = edge.keeper.status().await.unwrap().router;
    kill("-HUP", edge.process.0.id());
    until("another router serves", async || {
        edge.keeper.status().await.is_ok_and(|s| s.ready && s.router != before)
    })
    .await;
    // The draining router still counts.
    assert_eq!(edge.client.in_flight(&keyed(&[slow])[0].key).await.unwrap().requests, 1);
    assert_eq!(edge.client.status().await.unwrap().len(), 2);
    go.send(true).unwrap();
    assert!(read_all(&mut client).await.ends_with("abcdef"));
    until("the old router is gone", async || edge.client.status().await.unwrap().len() == 1).await;
}

#[tokio::test]
async fn a_killed_router_is_replaced_on_the_same_sockets_and_queued_connections_are_served() {
    let edge = Edge::start().await;
    let (mirror, _) = mirror().await;
    edge.publish(&[mirror]).await;
    for round in 1..=3 {
        let before = edge.keeper.status().await.unwrap().router.unwrap();
        // Stopped first, so that the connections queue, whatever the timing.
        kill("-STOP", before);
        until("each of its threads stands still", async || is_stopped(before)).await;
        let mut queued = Vec::new();
        for _ in 0..10 {
            let mut stream = edge.connect().await;
            let request = get_request("/queued", "Connection: close\r\n");
            stream.write_all(request.as_bytes()).await.unwrap();
            queued.push(stream);
        }
        kill("-KILL", before);
        for stream in &mut queued {
            assert_eq!(status(&read_all(stream).await), 200);
        }
        let now = edge.keeper.status().await.unwrap();
        assert!(now.router != Some(before) && now.restarts == round, "{now:?}");
    }
}

/// One that still runs could take a connection that is then lost with it.
fn is_stopped(pid: i32) -> bool {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
    let stats =
        threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("stat")).ok());
    stats
        .into_iter()
        .all(|stat| stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T')))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_swapped_table_under_load_fails_no_request_and_leaves_nothing_at_the_old_instance() {
    let edge = Edge::start().await;
    let (one, _) = mirror().await;
    let (other, _) = mirror().await;
    edge.publish(&[one]).await;
    let load = Load::start(edge.address, 8, 4);
    for round in 0..20 {
        let (next, last) = if round % 2 == 0 { (other, one) } else { (one, other) };
        edge.publish(&[next]).await;
        // From the acknowledgement on it only gets less.
        until("the old instance is idle", async || {
            edge.client.in_flight(&keyed(&[last])[0].key).await.unwrap().requests == 0
        })
        .await;
        load.more(50).await;
    }
    let (answered, failures) = load.stop().await;
    assert!(failures.is_empty(), "{} of {answered}: {:?}", failures.len(), failures[0]);
}

#[tokio::test]
async fn a_second_keeper_is_refused_and_the_first_goes_on() {
    let edge = Edge::start().await;
    let (mirror, _) = mirror().await;
    edge.publish(&[mirror]).await;
    let mut second = start_keeper(&edge.spec);
    assert_eq!(second.wait().unwrap().code(), Some(1));
    assert_eq!(status(&edge.get("/").await), 200);
}

#[tokio::test]
async fn a_killed_keeper_leaves_a_serving_router_that_makes_way_for_the_next() {
    let mut edge = Edge::start().await;
    let (mirror, _) = mirror().await;
    edge.publish(&[mirror]).await;
    let orphan = edge.keeper.status().await.unwrap().router.unwrap();
    edge.process.0.kill().unwrap();
    edge.process.0.wait().unwrap();
    assert_eq!(status(&edge.get("/orphan").await), 200);
    let mut spec = edge.spec.clone();
    spec.http = edge.address;
    edge.process = Process(start_keeper(&spec));
    until("the next keeper's router is ready", async || {
        edge.keeper.status().await.is_ok_and(|s| s.ready && s.router != Some(orphan))
    })
    .await;
    assert_eq!(status(&edge.get("/").await), 200);
    until("the orphan is gone", async || !alive(orphan)).await;
}

#[tokio::test]
async fn an_orphan_that_nobody_follows_ends_by_itself() {
    let mut edge = Edge::start().await;
    let orphan = edge.keeper.status().await.unwrap().router.unwrap();
    edge.process.0.kill().unwrap();
    edge.process.0.wait().unwrap();
    until("the orphan is gone", async || !alive(orphan)).await;
}

#[tokio::test]
async fn stop_ends_everything_and_leaves_no_socket_and_no_record() {
    let mut edge = Edge::start().await;
    let router = edge.keeper.status().await.unwrap().router.unwrap();
    edge.keeper.stop().await.unwrap();
    assert_eq!(edge.process.0.wait().unwrap().code(), Some(0));
    assert!(!alive(router));
    assert!(!edge.spec.socket.exists() && !edge.spec.record.exists());
    let left = std::fs::read_dir(&edge.spec.router_dir).unwrap().flatten();
    assert!(left.into_iter().all(|entry| entry.path().extension().is_none_or(|e| e != "sock")));
    assert!(edge.keeper.stop().await.is_ok(), "stopping twice is fine");
}

#[tokio::test]
async fn a_port_that_is_taken_is_refused_with_the_line_that_helps() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let edge = Edge::start().await;
    let mut spec = edge.spec.clone();
    spec.http = taken.local_addr().unwrap();
    spec.record = edge.dir.path().join("other.json");
    spec.router_dir = edge.dir.path().join("other");
    let mut second = start_keeper(&spec);
    assert_eq!(second.wait().unwrap().code(), Some(1));
}

fn alive(pid: i32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('Z')))
}

#[tokio::test]
async fn a_detached_start_returns_a_serving_keeper_or_says_why_not() {
    let edge = Edge::start().await;
    let dir = tempfile::tempdir().unwrap();
    let taken = KeepRouterSpec {
        cgroup: None,
        http: edge.address,
        router_dir: dir.path().join("router"),
        record: dir.path().join("record.json"),
        socket: dir.path().join("keeper.sock"),
        ..edge.spec.clone()
    };
    let failure = start(taken.clone()).await.unwrap_err();
    assert_eq!(failure.exit_code(), 1);
    assert!(failure.to_string().contains("another program listens there"), "{failure}");
    assert!(failure.next.is_some());
    let free = KeepRouterSpec { http: "127.0.0.1:0".parse().unwrap(), ..taken };
    let record = start(free.clone()).await.unwrap();
    assert_eq!(KeepRouterRecord::read(&free.record), Some(record.clone()));
    let keeper = KeeperClient { socket: record.socket };
    assert!(keeper.status().await.unwrap().ready);
    keeper.stop().await.unwrap();
    until("the keeper is gone", async || !alive(record.pid as i32)).await;
    assert_eq!(KeepRouterRecord::read(&free.record), None);
}

async fn start(spec: KeepRouterSpec) -> Result<KeepRouterRecord, xii::app::Failure> {
    tokio::task::spawn_blocking(move || xii::router::start(&spec, &tempfile::tempfile().unwrap()))
        .await
        .unwrap()
}

#[tokio::test]
async fn a_router_given_a_user_has_no_capabilities_left() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("SKIP a_router_given_a_user_has_no_capabilities_left: not root");
        return;
    }
    let user = xii::sandbox::User { uid: 65534, gid: 65534 };
    let edge = Edge::edited(quick(), |spec| spec.user = Some(user)).await;
    let (mirror, _) = mirror().await;
    edge.publish(&[mirror]).await;
    assert_eq!(status(&edge.get("/").await), 200);
    let router = edge.keeper.status().await.unwrap().router.unwrap();
    for task in std::fs::read_dir(format!("/proc/{router}/task")).unwrap().flatten() {
        let status = std::fs::read_to_string(task.path().join("status")).unwrap();
        for line in ["Uid:\t65534\t65534\t65534\t65534", "Groups:\t \n", "NoNewPrivs:\t1"] {
            assert!(status.contains(line), "{line} in {status}");
        }
        for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
            assert!(status.contains(&format!("{set}:\t0000000000000000")), "{set} in {status}");
        }
    }
    edge.keeper.restart().await.unwrap();
    assert_eq!(status(&edge.get("/again").await), 200);
}
