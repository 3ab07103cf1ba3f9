use super::*;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const PATIENCE: Duration = Duration::from_secs(30);

/// The texts of the next `count` lines.
async fn take(tail: &mut Tail, count: usize) -> Vec<String> {
    let mut lines = Vec::new();
    while lines.len() < count {
        let more = tokio::time::timeout(PATIENCE, tail.next()).await;
        lines.extend(more.expect("lines arrive").unwrap());
    }
    texts(&lines)
}

fn open(dir: &Path, start: Start) -> Tail {
    Tail::open(dir, Filter::default(), start).unwrap()
}

#[tokio::test]
async fn a_tail_sees_new_lines_new_files_and_new_hours() {
    let dir = TempDir::new().unwrap();
    let mut web = writer(dir.path(), "web.1", 1);
    web.write(b"before\n", after(0));
    let mut tail = open(dir.path(), Start::Now);
    web.write(b"line\n", after(1));
    assert_eq!(take(&mut tail, 1).await, ["line"]);
    let mut other = writer(dir.path(), "web.2", 2);
    other.write(b"file\n", after(2));
    assert_eq!(take(&mut tail, 1).await, ["file"]);
    for hour in 1..5 {
        web.write(b"hour\n", after(hour * 3_600_000));
        assert_eq!(take(&mut tail, 1).await, ["hour"]);
        other.write(b"other\n", after(hour * 3_600_000));
        assert_eq!(take(&mut tail, 1).await, ["other"]);
    }
}

#[tokio::test]
async fn a_tail_may_be_there_before_the_deploy_ever_printed() {
    let dir = TempDir::new().unwrap();
    let deploy = dir.path().join("shop/production");
    let mut tail = open(&deploy, Start::Last(10));
    let mut web = writer(&deploy, "web.1", 1);
    web.write(b"first\n", after(0));
    assert_eq!(take(&mut tail, 1).await, ["first"]);
}

#[tokio::test]
async fn the_last_lines_are_followed_without_a_gap_and_without_a_repeat() {
    let dir = TempDir::new().unwrap();
    let mut web = writer(dir.path(), "web.1", 1);
    for n in 0..500 {
        web.write(format!("{n}\n").as_bytes(), after(n));
    }
    let mut tail = open(dir.path(), Start::Last(100));
    for n in 500..600 {
        web.write(format!("{n}\n").as_bytes(), after(n));
    }
    let expected: Vec<String> = (400..600).map(|n| n.to_string()).collect();
    assert_eq!(take(&mut tail, 200).await, expected);
}

#[tokio::test]
async fn a_torn_last_line_is_shown_once_it_is_whole() {
    let dir = TempDir::new().unwrap();
    let slot = dir.path().join("2026-11-20T12");
    std::fs::create_dir(&slot).unwrap();
    let path = slot.join("web.1.1.1.0.log");
    let line = "2026-11-20T12:00:00.000000+00:00 app[web.1]: torn\n";
    std::fs::write(&path, &line[..45]).unwrap();
    let mut tail = open(dir.path(), Start::Last(10));
    let mut web = writer(dir.path(), "web.2", 2);
    web.write(b"whole\n", after(1));
    assert_eq!(take(&mut tail, 1).await, ["whole"]);
    std::fs::write(&path, line).unwrap();
    assert_eq!(take(&mut tail, 1).await, ["torn"]);
}

#[tokio::test]
async fn a_tail_goes_on_where_another_one_was() {
    let dir = TempDir::new().unwrap();
    let (mut web, mut worker) = (writer(dir.path(), "web.1", 1), writer(dir.path(), "worker.1", 2));
    let mut seen = Vec::new();
    let mut cursor = Cursor::now(dir.path()).unwrap();
    for n in 0..40 {
        let who = if n % 2 == 0 { &mut web } else { &mut worker };
        who.write(format!("{n}\n").repeat(3).as_bytes(), after(n * 300_000));
        if n % 4 == 3 {
            let mut tail = open(dir.path(), Start::Cursor(cursor));
            seen.extend(take(&mut tail, 12).await);
            let text = serde_json::to_string(tail.cursor()).unwrap();
            cursor = serde_json::from_str(&text).unwrap();
            assert_eq!(&cursor, tail.cursor());
        }
    }
    let expected: Vec<String> = (0..120).map(|n| (n / 3).to_string()).collect();
    assert_eq!(seen, expected);
}

#[test]
fn a_cursor_from_outside_cannot_name_another_file() {
    for bad in ["../../etc/passwd", "2026-11-20T12/../x.1.1.0.log", "2026-11-20T12/a/b.1.1.0.log"] {
        let text = format!("{{\"from\":null,\"parts\":{{\"{bad}\":0}}}}");
        assert!(serde_json::from_str::<Cursor>(&text).is_err(), "{bad}");
    }
}

#[tokio::test]
async fn a_long_history_comes_in_order_and_by_time() {
    let dir = TempDir::new().unwrap();
    let mut writers: Vec<Writer> =
        (0..5).map(|n| writer(dir.path(), &format!("web.{n}"), n)).collect();
    let pad = "x".repeat(300);
    for n in 0..6000 {
        let who = if n % 1000 < 500 { 0 } else { n % 5 };
        writers[who].write(format!("{n} {pad}\n").as_bytes(), after(n as i64 * 2000));
    }
    let mut tail = open(dir.path(), Start::Since(after(2_000_000)));
    let expected: Vec<String> = (1000..6000).map(|n| format!("{n} {pad}")).collect();
    assert_eq!(take(&mut tail, 5000).await, expected);
}

#[tokio::test]
async fn several_tails_each_get_what_they_asked_for() {
    let dir = TempDir::new().unwrap();
    let (mut web, mut worker) = (writer(dir.path(), "web.1", 1), writer(dir.path(), "worker.1", 2));
    let process = |name: &str| Filter { process: Some(name.into()), source: None };
    let mut tails = [
        Tail::open(dir.path(), process("web"), Start::Now).unwrap(),
        Tail::open(dir.path(), process("worker.1"), Start::Now).unwrap(),
        open(dir.path(), Start::Now),
    ];
    for n in 0..10 {
        web.write(b"web\n", after(n));
        worker.write(b"worker\n", after(n));
    }
    assert_eq!(take(&mut tails[0], 10).await, ["web"; 10]);
    assert_eq!(take(&mut tails[1], 10).await, ["worker"; 10]);
    assert_eq!(take(&mut tails[2], 20).await.len(), 20);
}

#[tokio::test]
async fn a_line_is_in_the_tail_at_once() {
    let dir = TempDir::new().unwrap();
    let mut web = writer(dir.path(), "web.1", 1);
    let mut tail = open(dir.path(), Start::Now);
    web.write(b"warm\n", after(0));
    take(&mut tail, 1).await;
    let mut latencies = Vec::new();
    for n in 0..50 {
        let written = Instant::now();
        web.write(b"text\n", after(n));
        take(&mut tail, 1).await;
        latencies.push(written.elapsed());
    }
    latencies.sort();
    eprintln!("tail latency: median {:?}, worst {:?}", latencies[25], latencies[49]);
    // Far below the poll, so the kernel's word is what woke it.
    assert!(latencies[25] < Duration::from_millis(500));
}

#[tokio::test]
async fn a_reader_that_waits_costs_nothing_and_ends_with_its_tail() {
    let dir = TempDir::new().unwrap();
    let mut web = writer(dir.path(), "web.1", 1);
    let mut tail = open(dir.path(), Start::Now);
    let waited = tokio::time::timeout(Duration::from_millis(50), tail.next()).await;
    assert!(waited.is_err());
    web.write(b"text\n", after(0));
    assert_eq!(take(&mut tail, 1).await, ["text"]);
    let batches = std::mem::replace(&mut tail.batches, tokio::sync::mpsc::channel(1).1);
    let closed = batches.sender_strong_count();
    assert_eq!(closed, 2, "the thread and its spare for a failure");
    drop(tail);
    let deadline = Instant::now() + PATIENCE;
    while batches.sender_strong_count() > 0 {
        assert!(Instant::now() < deadline, "the reading thread did not end");
        tokio::task::yield_now().await;
    }
}
