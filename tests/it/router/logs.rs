//! Access lines on their way into an app's log.

use super::harness::*;
use super::upstreams::*;
use std::process::Command;

#[tokio::test]
async fn an_access_line_lands_in_the_apps_log_in_herokus_format() {
    let edge = Edge::start().await;
    let (mirror, _) = mirror().await;
    edge.publish(&[mirror]).await;
    edge.get("/a?b=c").await;
    let line = edge.line(&["path=\"/a?b=c\""]).await;
    let (stamp, text) = line.split_once(" xii[router]: ").unwrap();
    assert!(stamp.ends_with("+00:00") && stamp.len() == 32, "{stamp}");
    assert!(text.starts_with("at=info method=GET path=\"/a?b=c\" host=shop.localhost request_id="));
    assert!(text.contains(" fwd=\"127.0.0.1\" dyno=web.1 connect="), "{text}");
    assert!(text.contains(" status=200 bytes=") && text.ends_with(" protocol=http"), "{text}");
}

#[tokio::test]
async fn nothing_a_client_sends_can_forge_a_line() {
    let edge = Edge::start().await;
    let (mirror, _) = mirror().await;
    edge.publish(&[mirror]).await;
    let forged = "at=info method=GET path=\"/forged\" status=200";
    for target in [
        format!("/\"%0a{}", forged.replace(' ', "%20")),
        "/\"status=200\"".to_string(),
        "/\u{2028}\u{85}x".to_string(),
    ] {
        edge.exchange(get_request(&target, "Connection: close\r\n")).await;
    }
    let id = format!("Connection: close\r\nX-Request-Id: aaaaaaaaaaaaaaaaaaaaaaaa {forged}\r\n");
    edge.exchange(get_request("/last", &id)).await;
    // Each thread hands over its lines in its own time.
    edge.line(&["path=\"/last\""]).await;
    edge.line(&["path=\"/\\\"status=200\\\"\""]).await;
    let log = edge.log();
    assert!(log.lines().all(|line| line.contains(" xii[router]: at=")), "{log}");
    assert!(!log.contains("path=\"/forged\""), "{log}");
}

#[tokio::test]
async fn a_line_survives_the_routers_death() {
    let edge = Edge::start().await;
    let (mirror, _) = mirror().await;
    edge.publish(&[mirror]).await;
    for round in 0..3 {
        let path = format!("/before-{round}");
        edge.get(&path).await;
        edge.line(&[&path]).await;
        let router = edge.keeper.status().await.unwrap().router.unwrap();
        assert!(Command::new("kill").args(["-9", &router.to_string()]).status().unwrap().success());
    }
    edge.get("/after").await;
    edge.line(&["/after"]).await;
    let log = edge.log();
    assert!((0..3).all(|round| log.contains(&format!("/before-{round}"))), "{log}");
}
