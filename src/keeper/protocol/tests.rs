//! Messages of version 1, byte for byte. These lines are never changed: keepers that were
//! started by older binaries send and expect them. New fields come as new lines.

use super::*;

const REQUESTS: &str = include_str!("requests.v1.jsonl");
const MESSAGES: &str = include_str!("messages.v1.jsonl");

fn requests() -> Vec<Request> {
    vec![
        Request::Status,
        Request::Stop { window_ms: None },
        Request::Stop { window_ms: Some(30_000) },
        Request::Kill,
        Request::Restart,
        Request::Signal { signal: 1 },
    ]
}

fn messages() -> Vec<Message> {
    let exit = Exit { code: Some(1), ..Exit::default() };
    let killed = Exit { signal: Some(9), oom: true, ..Exit::default() };
    let failed =
        Exit { code: Some(127), reason: Some("run ghost: not found".into()), ..Exit::default() };
    let status = Status {
        nonce: "5f3a".into(),
        state: StateWord::BackingOff,
        incarnation: 4,
        main_pid: None,
        ready: false,
        started_at: None,
        restarts: 3,
        restart_at: Some(1_795_000_018_000),
        crashes: 4,
        last_exit: Some(exit.clone()),
    };
    let running = Status {
        state: StateWord::Running,
        main_pid: Some(4242),
        ready: true,
        started_at: Some(1_795_000_000_000),
        restart_at: None,
        last_exit: None,
        ..status.clone()
    };
    vec![
        Message::Answer(Answer::Accepted),
        Message::Answer(Answer::Refused { reason: "this process is not restarted".into() }),
        Message::Answer(Answer::Status(status)),
        Message::Answer(Answer::Status(running)),
        Message::Notice(Notice::Started { incarnation: 1 }),
        Message::Notice(Notice::Ready),
        Message::Notice(Notice::Exited(exit)),
        Message::Notice(Notice::Exited(killed)),
        Message::Notice(Notice::Exited(failed)),
        Message::Notice(Notice::Restarting { at: 1_795_000_018_000, n: 4 }),
        Message::Notice(Notice::Stopped),
    ]
}

fn written<T: serde::Serialize>(all: &[T]) -> String {
    all.iter().map(|one| String::from_utf8(encode(one)).unwrap() + "\n").collect()
}

#[test]
fn version_1_is_written_as_it_always_was() {
    assert_eq!(written(&requests()), REQUESTS);
    assert_eq!(written(&messages()), MESSAGES);
}

#[test]
fn version_1_is_read_as_it_always_was() {
    let read: Vec<Request> = REQUESTS.lines().map(|l| decode(l.as_bytes()).unwrap()).collect();
    assert_eq!(read, requests());
    let read: Vec<Message> = MESSAGES.lines().map(|l| decode(l.as_bytes()).unwrap()).collect();
    assert_eq!(read, messages());
}

#[test]
fn unknown_fields_are_ignored_and_missing_ones_have_their_default() {
    let stop = br#"{"v":1,"request":"stop","because":"of you"}"#;
    assert_eq!(decode(stop), Ok(Request::Stop { window_ms: None }));
    let exited = br#"{"v":1,"event":"exited","code":1,"core":true}"#;
    let exit = Exit { code: Some(1), ..Exit::default() };
    assert_eq!(decode(exited), Ok(Message::Notice(Notice::Exited(exit))));
    let status = br#"{"v":1,"answer":"status","nonce":"a","state":"exited","incarnation":1}"#;
    assert!(matches!(decode(status), Ok(Message::Answer(Answer::Status(_)))));
}

#[test]
fn another_version_and_nonsense_are_refused_with_a_reason() {
    let later = decode::<Request>(br#"{"v":2,"request":"status"}"#);
    assert_eq!(later, Err("protocol version 2, this is 1".into()));
    assert!(decode::<Request>(b"hello").unwrap_err().contains("not a message"));
}
