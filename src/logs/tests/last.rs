use super::*;
use proptest::prelude::*;
use std::os::unix::fs::FileExt as _;
use tempfile::TempDir;

fn all() -> Filter {
    Filter::default()
}

#[test]
fn two_writers_are_merged_in_time_order() {
    let dir = TempDir::new().unwrap();
    let (mut web, mut worker) = (writer(dir.path(), "web.1", 1), writer(dir.path(), "worker.1", 2));
    for n in 0..10 {
        let who = if n % 3 == 0 { &mut worker } else { &mut web };
        who.write(format!("{n}\n").as_bytes(), after(n));
    }
    let lines = last(dir.path(), 100, &all()).unwrap();
    assert_eq!(texts(&lines), ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"]);
    let lines = last(dir.path(), 4, &all()).unwrap();
    assert_eq!(texts(&lines), ["6", "7", "8", "9"]);
}

#[test]
fn the_last_lines_reach_back_over_hours() {
    let dir = TempDir::new().unwrap();
    let mut web = writer(dir.path(), "web.1", 1);
    for hour in 0..4 {
        web.write(format!("hour {hour}\n").as_bytes(), after(hour * 3_600_000));
    }
    let lines = last(dir.path(), 3, &all()).unwrap();
    assert_eq!(texts(&lines), ["hour 1", "hour 2", "hour 3"]);
}

#[test]
fn a_deploy_that_never_printed_and_a_torn_line_give_nothing() {
    let dir = TempDir::new().unwrap();
    assert_eq!(last(&dir.path().join("absent"), 10, &all()).unwrap(), []);
    let slot = dir.path().join("2026-11-20T12");
    std::fs::create_dir(&slot).unwrap();
    let torn = b"2026-11-20T12:00:00.000000+00:00 app[web.1]: to";
    std::fs::write(slot.join("web.1.1.1.0.log"), torn).unwrap();
    std::fs::write(slot.join("not-a-part"), b"noise\n").unwrap();
    std::fs::create_dir(dir.path().join("lost+found")).unwrap();
    assert_eq!(last(dir.path(), 10, &all()).unwrap(), []);
}

#[test]
fn a_filter_counts_only_the_lines_it_takes() {
    let dir = TempDir::new().unwrap();
    let (mut web, mut worker) = (writer(dir.path(), "web.1", 1), writer(dir.path(), "worker.1", 2));
    web.write(b"1\n2\n3\n", after(0));
    worker.write(&b"noise\n".repeat(5000), after(1));
    web.line("xii[web.1]", "Error R14 (memory quota exceeded)", after(2));
    let process = Filter { process: Some("web".into()), source: None };
    let lines = last(dir.path(), 3, &process).unwrap();
    assert_eq!(texts(&lines), ["2", "3", "Error R14 (memory quota exceeded)"]);
    let app = Filter { process: Some("web.1".into()), source: Some(Source::App) };
    assert_eq!(texts(&last(dir.path(), 2, &app).unwrap()), ["2", "3"]);
}

#[test]
fn a_hundred_lines_of_a_gigabyte_do_not_read_the_gigabyte() {
    let dir = TempDir::new().unwrap();
    let mut web = writer(dir.path(), "web.1", 1);
    web.write(b"first\n", after(0));
    drop(web);
    // A hole of a gigabyte: reading it would take longer and find no line end.
    let path = dir.path().join("2026-11-20T12/web.1.1.1.0.log");
    let file = std::fs::OpenOptions::new().write(true).open(path).unwrap();
    let lines = b"\n2026-11-20T12:00:01.000000+00:00 app[web.1]: text\n".repeat(200);
    file.write_all_at(&lines, 1 << 30).unwrap();
    let started = super::speed::cpu_seconds();
    assert_eq!(last(dir.path(), 100, &all()).unwrap().len(), 100);
    let took = super::speed::cpu_seconds() - started;
    assert!(took < 0.1, "{took} s");
}

#[test]
fn a_destroyed_deploy_leaves_no_lines_and_may_be_removed_twice() {
    let dir = TempDir::new().unwrap();
    let deploy = dir.path().join("shop/production");
    writer(&deploy, "web.1", 1).write(b"text\n", after(0));
    remove(&deploy).unwrap();
    remove(&deploy).unwrap();
    assert!(!deploy.exists());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn any_number_of_last_lines_is_the_end_of_the_whole(
        writes in proptest::collection::vec((0usize..3, 0i64..5_000_000, 0usize..20_000), 0..40),
        most in 0usize..50,
    ) {
        let dir = TempDir::new().unwrap();
        let mut writers: Vec<Writer> =
            (0..3).map(|n| writer(dir.path(), &format!("web.{n}"), n)).collect();
        let mut now = 0;
        let mut whole = Vec::new();
        for (n, (who, pause, length)) in writes.into_iter().enumerate() {
            now += pause + 1;
            let text = format!("{n} {}", "x".repeat(length / 2));
            writers[who].write(format!("{text}\n").as_bytes(), after(now));
            whole.push(text);
        }
        let from = whole.len().saturating_sub(most);
        prop_assert_eq!(&texts(&last(dir.path(), most, &all()).unwrap())[..], &whole[from..]);
    }
}
