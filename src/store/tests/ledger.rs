use super::{at, ledger, with_deploy};
use crate::store::{AuditEntry, Ledger, OneOffKind, OneOffState};
use rusqlite::Connection;
use std::fs;
use std::io::{Seek, SeekFrom, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};

#[test]
fn only_its_owner_can_read_a_ledger() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = ledger(&dir);
    ledger.next_keeper().unwrap();
    for entry in fs::read_dir(dir.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{:?}", entry.path());
    }
}

#[test]
fn what_was_written_is_there_for_the_next_one_to_open() {
    let dir = tempfile::tempdir().unwrap();
    let (first, deploy) = with_deploy(&dir);
    drop(first);
    assert!(ledger(&dir).deploy(&deploy).unwrap().is_some());
}

#[test]
fn one_offs_of_an_older_ledger_are_kept_when_they_get_a_new_kind() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.db");
    let raw = Connection::open(&path).unwrap();
    raw.execute_batch(include_str!("../schema_1.sql")).unwrap();
    raw.execute_batch(include_str!("../schema_2.sql")).unwrap();
    raw.execute_batch(
        "PRAGMA user_version = 2;
         INSERT INTO apps VALUES (1, 'shop', '[]', '', 0, NULL);
         INSERT INTO uids VALUES (90000, 'shop/production');
         INSERT INTO deploys VALUES (1, 1, 'production', 90000, 0, NULL, NULL);
         INSERT INTO one_offs VALUES
             (7, 1, 1, 'release', '[\"migrate\"]', 3, 0, 5, 'exited', 0),
             (9, 1, 2, 'run', '[\"ls\"]', 4, 0, NULL, 'running', NULL);",
    )
    .unwrap();
    drop(raw);
    let kept = ledger(&dir).one_offs(&"shop".parse().unwrap(), 9).unwrap();
    let kept: Vec<_> = kept.iter().map(|one| (one.id, one.kind, one.state)).collect();
    let expected = [
        (9, OneOffKind::Run, OneOffState::Running),
        (7, OneOffKind::Release, OneOffState::Exited(0)),
    ];
    assert_eq!(kept, expected);
}

#[test]
fn a_ledger_of_a_newer_xii_is_refused_naming_both_versions() {
    let dir = tempfile::tempdir().unwrap();
    let path = ledger(&dir).path().to_path_buf();
    let raw = Connection::open(&path).unwrap();
    raw.execute_batch(
        "PRAGMA user_version = 99;
         UPDATE settings SET value = '7.8.9' WHERE name = 'written by';",
    )
    .unwrap();
    let failure = Ledger::open(&path).unwrap_err();
    assert!(failure.message.contains("schema 99, written by xii 7.8.9"), "{failure}");
    assert!(failure.message.contains(concat!("this is xii ", env!("CARGO_PKG_VERSION"))));
    assert_eq!(failure.next.as_deref(), Some("install xii 7.8.9"));
}

#[test]
fn a_ledger_that_is_no_database_or_empty_or_overwritten_is_damaged_not_new() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("ledger.db");
    for bytes in [&b""[..], &[b'x'; 8192]] {
        fs::write(&path, bytes).unwrap();
        let failure = Ledger::open(&path).unwrap_err();
        assert_eq!(failure.message, format!("the ledger {} is damaged", path.display()));
        assert!(failure.next.is_some_and(|next| next.contains("from a backup")));
    }
    fs::remove_file(&path).unwrap();
    let (ledger, _) = with_deploy(&dir);
    drop(ledger);
    let mut file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    file.seek(SeekFrom::Start(4096)).unwrap();
    file.write_all(&[0xa5; 40_000]).unwrap();
    let failure = Ledger::open(&path).unwrap_err();
    assert_eq!(failure.message, format!("the ledger {} is damaged", path.display()), "{failure}");
}

#[test]
fn a_ledger_that_was_never_finished_does_not_get_in_the_way() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("ledger.new"), "half").unwrap();
    ledger(&dir);
    assert!(!dir.path().join("ledger.new").exists());
}

#[test]
fn a_backup_opens_and_holds_what_was_there() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, deploy) = with_deploy(&dir);
    let copy = dir.path().join("copy.db");
    ledger.back_up(&copy).unwrap();
    assert!(Ledger::open(&copy).unwrap().deploy(&deploy).unwrap().is_some());
    assert!(ledger.back_up(&copy).is_err(), "a backup was overwritten");
}

#[test]
fn the_database_itself_refuses_to_edit_history() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, _) = with_deploy(&dir);
    let entry = AuditEntry { at: at(1), who: "ann".into(), what: "create".into(), deploy: None };
    ledger.audit(&entry).unwrap();
    let raw = Connection::open(ledger.path()).unwrap();
    for statement in [
        "UPDATE audit SET who = 'eve'",
        "DELETE FROM audit",
        "INSERT OR REPLACE INTO audit (id, at, who, what) VALUES (1, 2, 'eve', 'x')",
        "UPDATE uids SET owner = 'eve'",
        "DELETE FROM uids",
    ] {
        assert!(raw.execute(statement, []).is_err(), "{statement} was done");
    }
    assert_eq!(ledger.audit_log(None, 10).unwrap(), [entry]);
}

#[test]
fn many_threads_write_through_clones_of_one_handle() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = ledger(&dir);
    let numbers: std::collections::BTreeSet<u64> = std::thread::scope(|scope| {
        let writers: Vec<_> = (0..8)
            .map(|_| {
                let ledger = ledger.clone();
                scope.spawn(move || -> Vec<u64> {
                    (0..50).map(|_| ledger.next_keeper().unwrap()).collect()
                })
            })
            .collect();
        writers.into_iter().flat_map(|writer| writer.join().unwrap()).collect()
    });
    assert_eq!(numbers.len(), 400);
}

#[test]
fn a_full_disk_is_said_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (ledger, _) = with_deploy(&dir);
    let entry = |size: usize| AuditEntry {
        at: at(1),
        who: "ann".into(),
        what: "x".repeat(size),
        deploy: None,
    };
    ledger.audit(&entry(1)).unwrap();
    let limit = |pages: u32| {
        ledger.state().connection.pragma_update(None, "max_page_count", pages).unwrap();
    };
    limit(1);
    let failure = ledger.audit(&entry(1_000_000)).unwrap_err();
    assert!(failure.next.is_some_and(|next| next.contains("free some disk space")));
    limit(1_000_000);
    ledger.audit(&entry(1_000_000)).unwrap();
    assert_eq!(ledger.audit_log(None, 9).unwrap().len(), 2);
}

#[test]
fn after_a_clean_end_the_file_alone_holds_everything_and_the_logs_room_stays() {
    let dir = tempfile::tempdir().unwrap();
    let (first, deploy) = with_deploy(&dir);
    drop(first);
    let blocks = fs::metadata(dir.path().join("ledger.db-wal")).unwrap().blocks();
    assert!(blocks * 512 >= 8 << 20, "{blocks} blocks");
    let copy = tempfile::tempdir().unwrap();
    fs::copy(dir.path().join("ledger.db"), copy.path().join("ledger.db")).unwrap();
    assert!(ledger(&copy).deploy(&deploy).unwrap().is_some());
    assert!(ledger(&dir).deploy(&deploy).unwrap().is_some());
}
