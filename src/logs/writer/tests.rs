use super::*;
use crate::logs::due::{SYNC_EVERY, after};
use jiff::SignedDuration;
use tempfile::TempDir;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn spec(dir: &TempDir) -> WriterSpec {
    WriterSpec {
        dir: dir.path().to_path_buf(),
        label: "app[web.1]".into(),
        source: "web.1".into(),
        release: Some(3),
        keeper: 17,
        incarnation: 0,
    }
}

fn read(dir: &TempDir, slot: &str) -> String {
    let path = dir.path().join(slot).join("web.1.3.17.0.log");
    String::from_utf8_lossy(&std::fs::read(path).unwrap()).into_owned()
}

const NOON: &str = "2026-11-20T12:00:00Z";

#[test]
fn a_line_is_in_the_file_when_write_returns() {
    let dir = TempDir::new().unwrap();
    let mut writer = Writer::open_at(spec(&dir), at(NOON)).unwrap();
    writer.write(b"hello\r\nworld\nhalf", at("2026-11-20T12:00:01.5Z"));
    writer.line("xii[deploy]", "release v3", at("2026-11-20T12:00:02Z"));
    assert_eq!(
        read(&dir, "2026-11-20T12"),
        "2026-11-20T12:00:01.500000+00:00 app[web.1]: hello\n\
         2026-11-20T12:00:01.500000+00:00 app[web.1]: world\n\
         2026-11-20T12:00:02.000000+00:00 xii[deploy]: release v3\n"
    );
}

#[test]
fn stamps_never_go_back_even_when_the_clock_does() {
    let dir = TempDir::new().unwrap();
    let mut writer = Writer::open_at(spec(&dir), at(NOON)).unwrap();
    writer.write(b"one\n", at("2026-11-20T12:00:05Z"));
    writer.write(b"two\n", at("2026-11-20T11:00:00Z"));
    drop(writer);
    let mut writer = Writer::open_at(spec(&dir), at("2026-11-20T12:00:03Z")).unwrap();
    writer.write(b"three\n", at("2026-11-20T12:00:04Z"));
    let stamps: Vec<String> =
        read(&dir, "2026-11-20T12").lines().map(|line| line[..19].to_string()).collect();
    assert_eq!(stamps, ["2026-11-20T12:00:05"; 3]);
}

#[test]
fn a_deadline_stays_near_when_the_clock_is_set_back() {
    let dir = TempDir::new().unwrap();
    let mut writer = Writer::open_at(spec(&dir), at(NOON)).unwrap();
    writer.write(b"prompt> ", at(NOON));
    let earlier = at("2026-11-20T09:00:00Z");
    assert_eq!(writer.due_in(earlier), Some(Duration::ZERO), "nothing waits for noon again");
    writer.tick(earlier);
    assert!(read(&dir, "2026-11-20T12").ends_with("prompt> \n"));
    assert!(writer.next_deadline().unwrap() <= after(earlier, SYNC_EVERY));
}

#[test]
fn the_next_hour_has_a_file_of_its_own() {
    let dir = TempDir::new().unwrap();
    let mut writer = Writer::open_at(spec(&dir), at(NOON)).unwrap();
    writer.write(b"before\nhalf a ", at("2026-11-20T12:59:59.999999Z"));
    writer.write(b"line\n", at("2026-11-20T13:00:00Z"));
    assert!(read(&dir, "2026-11-20T12").ends_with("app[web.1]: before\n"));
    assert!(
        read(&dir, "2026-11-20T13").ends_with("13:00:00.000000+00:00 app[web.1]: half a line\n")
    );
}

#[test]
fn an_idle_writer_lets_the_finished_hour_go_and_makes_no_empty_file() {
    let dir = TempDir::new().unwrap();
    let mut writer = Writer::open_at(spec(&dir), at(NOON)).unwrap();
    assert_eq!(writer.next_deadline(), Some(at("2026-11-20T13:00:00Z")));
    writer.tick(at("2026-11-20T13:00:00Z"));
    assert_eq!(writer.next_deadline(), None);
    assert!(writer.sink.is_none());
    assert!(!dir.path().join("2026-11-20T13").exists());
}

#[test]
fn the_start_of_a_line_is_shown_after_a_while_and_at_the_close() {
    let dir = TempDir::new().unwrap();
    let mut writer = Writer::open_at(spec(&dir), at(NOON)).unwrap();
    writer.write(b"password: ", at(NOON));
    assert_eq!(read(&dir, "2026-11-20T12"), "");
    let due = writer.next_deadline().unwrap();
    writer.tick(due);
    assert!(read(&dir, "2026-11-20T12").ends_with("app[web.1]: password: \n"));
    writer.write(b"\nbye", due);
    writer.close(due);
    let text = read(&dir, "2026-11-20T12");
    assert_eq!(text.lines().count(), 2);
    assert!(text.ends_with("app[web.1]: bye\n"));
}

#[test]
fn nothing_is_due_once_everything_is_synced() {
    let dir = TempDir::new().unwrap();
    let mut writer = Writer::open_at(spec(&dir), at(NOON)).unwrap();
    writer.write(b"text\n", at(NOON));
    let due = writer.next_deadline().unwrap();
    assert_eq!(due, after(at(NOON), SYNC_EVERY));
    writer.tick(due);
    assert_eq!(writer.next_deadline(), Some(at("2026-11-20T13:00:00Z")));
}

#[test]
fn a_full_disk_drops_lines_and_says_how_many_when_it_can_write_again() {
    let dir = TempDir::new().unwrap();
    let slot = dir.path().join("2026-11-20T12");
    std::fs::create_dir(&slot).unwrap();
    std::os::unix::fs::symlink("/dev/full", slot.join("web.1.3.17.0.log")).unwrap();
    let mut writer = Writer::open_at(spec(&dir), at(NOON)).unwrap();
    writer.write(b"one\ntwo\n", at("2026-11-20T12:30:00Z"));
    writer.write(b"three\n", at("2026-11-20T12:30:01Z"));
    writer.tick(at("2026-11-20T12:30:02Z"));
    assert_eq!(writer.next_deadline(), Some(at("2026-11-20T12:30:03Z")));

    writer.write(b"four\n", at("2026-11-20T13:00:00Z"));
    writer.tick(at("2026-11-20T13:00:01Z"));
    let text = read(&dir, "2026-11-20T13");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 2);
    assert!(lines[0].ends_with("app[web.1]: four"));
    let report = "xii[logs]: Error L10 (output buffer overflow): 3 messages dropped \
                  since 2026-11-20T12:30:00.000000+00:00: cannot write the log ";
    assert!(lines[1].contains(report), "{}", lines[1]);
    assert!(lines[1].ends_with("No space left on device (os error 28)"), "{}", lines[1]);
}

#[test]
fn an_endless_printer_fills_its_share_of_an_hour_and_no_more() {
    let dir = TempDir::new().unwrap();
    let mut writer = Writer::open_at(spec(&dir), at(NOON)).unwrap();
    writer.most_bytes = 1 << 20;
    let chunk = b"all work and no play makes jack a dull boy\n".repeat(1000);
    for _ in 0..100 {
        writer.write(&chunk, at(NOON));
    }
    writer.tick(after(at(NOON), SYNC_EVERY));
    writer.line("xii[web.1]", "Error R14", after(at(NOON), SYNC_EVERY));
    let text = read(&dir, "2026-11-20T12");
    assert!(text.len() < (1 << 20) + 1000);
    let kept = text.lines().filter(|line| line.contains("jack")).count();
    let report = format!("{} messages dropped since", 100_000 - kept);
    assert!(text.contains(&report));
    assert!(text.ends_with("xii[web.1]: Error R14\n"));

    writer.write(b"a new hour\n", at("2026-11-20T13:00:00Z"));
    assert!(read(&dir, "2026-11-20T13").contains("a new hour"));
}

#[test]
fn a_folder_removed_below_the_writer_comes_back() {
    let dir = TempDir::new().unwrap();
    let mut writer = Writer::open_at(spec(&dir), at(NOON)).unwrap();
    writer.write(b"gone\n", at(NOON));
    std::fs::remove_dir_all(dir.path().join("2026-11-20T12")).unwrap();
    writer.tick(after(at(NOON), SYNC_EVERY));
    writer.write(b"here\n", after(at(NOON), SYNC_EVERY));
    assert!(read(&dir, "2026-11-20T12").ends_with("here\n"));
}

#[test]
fn a_source_that_is_a_path_and_a_folder_that_cannot_be_made_are_refused() {
    let dir = TempDir::new().unwrap();
    let bad = WriterSpec { source: "../web".into(), ..spec(&dir) };
    assert!(Writer::open(bad).is_err());
    let bad = WriterSpec { dir: "/dev/null/logs".into(), ..spec(&dir) };
    assert!(Writer::open(bad).is_err_and(|failure| failure.message.contains("/dev/null/logs")));
}

mod whatever_an_app_prints {
    use super::*;
    use crate::logs::Line;
    use proptest::prelude::*;

    fn print() -> impl Strategy<Value = Vec<u8>> {
        let forged = "\n2026-11-20T12:00:00.000000+00:00 xii[deploy]: release v9 is live\n";
        let piece = prop_oneof![
            Just(forged.as_bytes().to_vec()),
            Just(b"\r2026-11-20T12:00:00.000000+00:00 xii[router]: forged\x1b[1A\r".to_vec()),
            Just(b"xii[router]: ".to_vec()),
            Just(vec![b'x'; 40_000]),
            proptest::collection::vec(any::<u8>(), 0..50),
        ];
        proptest::collection::vec(piece, 0..6).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]
        #[test]
        fn every_line_of_the_file_is_its_own(
            prints in proptest::collection::vec((print(), 0i64..3_000_000), 0..5)
        ) {
            let dir = TempDir::new().unwrap();
            let mut writer = Writer::open_at(spec(&dir), at(NOON)).unwrap();
            let mut now = at(NOON);
            for (bytes, pause) in &prints {
                writer.write(bytes, now);
                now = after(now, SignedDuration::from_micros(*pause));
                writer.tick(now);
            }
            writer.close(now);

            let file = std::fs::read(dir.path().join("2026-11-20T12/web.1.3.17.0.log")).unwrap();
            let mut texts = Vec::new();
            let mut last = at(NOON);
            for bytes in file.split_inclusive(|byte| *byte == b'\n') {
                let line = Line::parse(bytes.strip_suffix(b"\n").unwrap()).unwrap();
                prop_assert_eq!(&line.label, "app[web.1]");
                prop_assert!(last <= line.at);
                prop_assert_eq!(&line.to_bytes()[..], &bytes[..bytes.len() - 1]);
                last = line.at;
                texts.extend(line.text);
            }
            let input: Vec<u8> = prints.into_iter().flat_map(|(bytes, _)| bytes).collect();
            let strip = |line: &[u8]| line.strip_suffix(b"\r").unwrap_or(line).to_vec();
            let expected: Vec<u8> = input.split(|byte| *byte == b'\n').flat_map(strip).collect();
            prop_assert_eq!(texts, expected);
        }
    }
}
