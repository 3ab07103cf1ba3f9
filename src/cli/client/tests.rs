use super::fake::{Answer, Fake, Next, event, json, lines};
use super::*;
use crate::cli::ui::Ui;
use serde_json::json;
use tokio::sync::mpsc;

fn done() -> serde_json::Value {
    json!({"event": "done", "receipt": null})
}

fn phase(name: &str) -> serde_json::Value {
    json!({"event": "phase", "name": name})
}

fn never() -> (mpsc::UnboundedSender<()>, Interrupts) {
    let (press, from) = mpsc::unbounded_channel();
    (press, Interrupts::from_channel(from))
}

fn running() -> Answer {
    json(
        200,
        &json!({"id": "7", "deploy": null, "kind": "deploy", "state": "running",
                "started_at": "2026-11-20T15:13:46Z", "finished_at": null}),
    )
}

async fn follow_it(fake: &Fake, ui: &Ui, interrupts: &mut Interrupts) -> Result<Followed, Failure> {
    follow(&fake.client(), ui, "7", Ending::ServerStays, interrupts).await
}

#[tokio::test]
async fn a_refusal_is_the_failure_the_server_sent() {
    let sent = Failure::usage("no app `shp`").next("did you mean `shop`?");
    let body = serde_json::to_value(&sent).unwrap();
    let fake = Fake::start(move |_, _| json(404, &body));
    let refused = fake.client().get::<serde_json::Value>("/v1/apps/shp/production").await;
    assert_eq!(Failure::from(refused.unwrap_err()), sent);
}

#[tokio::test]
async fn an_answer_in_no_known_shape_is_told_as_it_came() {
    let fake = Fake::start(|_, _| {
        let text = b"HTTP/1.1 500 X\r\ncontent-length: 4\r\n\r\noops";
        Answer::Then(text.to_vec(), Next::Close)
    });
    let failure: Failure = fake.client().get::<()>("/v1/health").await.unwrap_err().into();
    assert_eq!(failure.causes, ["oops"]);
    assert_eq!(failure.exit_code(), 70);
}

#[tokio::test]
async fn without_a_server_the_line_that_starts_one_is_named() {
    let client = Client::at("/nonexistent/server.sock");
    let failure: Failure = client.get::<()>("/v1/health").await.unwrap_err().into();
    assert_eq!(failure.exit_code(), 1);
    assert_eq!(failure.next.as_deref(), Some("xii up"));
}

#[tokio::test]
async fn following_goes_on_behind_the_last_event_after_a_cut() {
    let fake = Fake::start(|_, before| match before {
        0 => {
            let note = json!({"event": "note", "text": "one"});
            lines(&[event(1, phase("build")), event(2, note)], false, Next::Close)
        }
        _ => {
            let again = json!({"event": "note", "text": "one"});
            let two = json!({"event": "note", "text": "two"});
            lines(&[event(2, again), event(3, two), event(4, done())], true, Next::Close)
        }
    });
    let (ui, _, err) = Ui::into_memory(false);
    let (_press, mut interrupts) = never();
    assert!(matches!(follow_it(&fake, &ui, &mut interrupts).await, Ok(Followed::Done(None))));
    assert_eq!(
        fake.requests(),
        ["GET /v1/operations/7/events?after=0", "GET /v1/operations/7/events?after=2"]
    );
    assert_eq!(err.text(), "  one\n  the server is away; waiting for it\n  two\n");
}

#[tokio::test]
async fn the_app_s_fault_is_exit_code_3() {
    let failure = Failure::app("web.1 did not bind to $PORT within 60 s").next("xii logs");
    let what = json!({"event": "failed", "failure": failure});
    let fake = Fake::start(move |_, _| lines(&[event(1, what.clone())], true, Next::Close));
    let (ui, _, _) = Ui::into_memory(false);
    let (_press, mut interrupts) = never();
    let refused = follow_it(&fake, &ui, &mut interrupts).await.unwrap_err();
    assert_eq!(refused, failure);
    assert_eq!(refused.exit_code(), 3);
}

#[tokio::test]
async fn a_stream_without_an_end_is_asked_for_its_outcome() {
    let fake = Fake::start(|request, before| match (request, before) {
        ("GET /v1/operations/7", 1) => running(),
        ("GET /v1/operations/7", _) => {
            let Answer::Then(bytes, next) = running();
            let text = String::from_utf8(bytes).unwrap().replace("running", "aborted");
            Answer::Then(text.into_bytes(), next)
        }
        _ => lines(&[], true, Next::Close),
    });
    let (ui, _, _) = Ui::into_memory(false);
    let (_press, mut interrupts) = never();
    let failure = follow_it(&fake, &ui, &mut interrupts).await.unwrap_err();
    assert_eq!(failure.message, "the deploy was aborted");
}

#[tokio::test]
async fn ctrl_c_before_the_switch_cancels() {
    let failure = json!({"event": "failed", "failure": Failure::platform("cancelled")});
    let fake = Fake::start(move |request, before| match (request, before) {
        ("POST /v1/operations/7/cancel", _) => json(200, &json!({})),
        (_, 0) => lines(&[event(1, phase("build"))], false, Next::Hold),
        _ => lines(&[event(2, failure.clone())], true, Next::Close),
    });
    let (ui, _, err) = Ui::into_memory(false);
    let (press, mut interrupts) = never();
    let (followed, ()) = tokio::join!(follow_it(&fake, &ui, &mut interrupts), async {
        seen(&fake, 1).await;
        press.send(()).unwrap();
        seen(&fake, 2).await;
        press.send(()).unwrap();
    });
    assert!(matches!(followed, Ok(Followed::Detached)), "pressed again, it is left to itself");
    assert_eq!(fake.requests()[1], "POST /v1/operations/7/cancel {}");
    assert_eq!(err.text(), "  cancelling; once more to leave it to itself\n");
}

#[tokio::test]
async fn ctrl_c_after_the_switch_leaves_it_to_itself() {
    let fake = Fake::start(|_, _| {
        let note = json!({"event": "note", "text": "switched"});
        lines(&[event(1, phase("switch")), event(2, note)], false, Next::Hold)
    });
    let (ui, _, err) = Ui::into_memory(false);
    let (press, mut interrupts) = never();
    let (followed, ()) = tokio::join!(follow_it(&fake, &ui, &mut interrupts), async {
        until(|| err.text().contains("switched")).await;
        press.send(()).unwrap();
    });
    assert!(matches!(followed, Ok(Followed::Detached)));
    assert_eq!(fake.requests().len(), 1, "nothing was cancelled");
}

#[tokio::test]
async fn when_the_operation_ends_the_server_its_absence_is_success() {
    let fake = Fake::start(|_, _| lines(&[event(1, phase("stop"))], false, Next::Close));
    let (ui, _, _) = Ui::into_memory(false);
    let (_press, mut interrupts) = never();
    let client = fake.client();
    let followed = follow(&client, &ui, "7", Ending::ServerEnds, &mut interrupts).await;
    assert!(matches!(followed, Ok(Followed::Done(None))));
}

#[tokio::test]
async fn a_stream_is_sent_in_pieces_and_an_aborted_one_is_not_complete() {
    let (payload, mut upload) = Payload::stream();
    std::thread::spawn(move || {
        std::io::Write::write_all(&mut upload, &[b'x'; 200_000]).unwrap();
        std::io::Write::flush(&mut upload).unwrap();
    });
    assert_eq!(payload.collect().await.unwrap().to_bytes().len(), 200_000);
    let (payload, upload) = Payload::stream();
    std::thread::spawn(move || upload.abort());
    assert!(payload.collect().await.is_err());
}

#[test]
fn queries_are_encoded() {
    let pairs = [("process", "web.1"), ("q", "a b&c=é")];
    assert_eq!(query(&pairs), "process=web.1&q=a%20b%26c%3D%C3%A9");
}

async fn seen(fake: &Fake, requests: usize) {
    until(|| fake.requests().len() >= requests).await;
}

async fn until(condition: impl Fn() -> bool) {
    let holds = async {
        while !condition() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), holds).await.unwrap();
}
