//! Someone with the ledger but not the key.

use super::*;
use rusqlite::Connection;

/// Three releases; the second one is current, the third failed.
fn history() -> Bench {
    let bench = bench();
    bench.cut_active("one", &[("A", "1"), ("B", "2")]);
    bench.cut_active("two", &[("A", "1"), ("B", "3")]);
    bench.cut("three", &[("A", "4")]);
    bench.fail(ReleaseNumber(3), "boot");
    assert!(bench.verdict().is_intact(), "{:?}", bench.verdict());
    bench
}

/// Does what the triggers and checks of the database would not allow.
fn tamper(bench: &Bench, statement: &str) {
    let raw = Connection::open(bench.ledger.path()).unwrap();
    raw.execute_batch("PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON;").unwrap();
    let triggers: Vec<String> = raw
        .prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger'")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    for trigger in triggers {
        raw.execute_batch(&format!("DROP TRIGGER {trigger}")).unwrap();
    }
    assert!(raw.execute(statement, []).unwrap() > 0, "{statement} changed nothing");
}

/// Every column, from the schema itself, so that a new one cannot be forgotten.
fn columns(bench: &Bench, table: &str) -> Vec<(String, String)> {
    let raw = Connection::open(bench.ledger.path()).unwrap();
    let mut statement = raw.prepare(&format!("PRAGMA table_info({table})")).unwrap();
    let rows = statement.query_map([], |row| Ok((row.get(1)?, row.get(2)?))).unwrap();
    rows.collect::<Result<_, _>>().unwrap()
}

fn altered(column: &str, kind: &str) -> String {
    match kind {
        "INTEGER" => format!("{column} + 100"),
        "BLOB" => "randomblob(32)".to_string(),
        // Parses as before where it is JSON; a space is enough.
        _ => format!("coalesce({column}, '') || ' '"),
    }
}

#[test]
fn an_altered_column_of_a_release_is_found_and_the_release_named() {
    for number in [1, 3] {
        for (column, kind) in columns(&history(), "releases") {
            let bench = history();
            let value = altered(&column, &kind);
            tamper(
                &bench,
                &format!("UPDATE releases SET {column} = {value} WHERE number = {number}"),
            );
            let verdict = bench.verdict();
            assert!(!verdict.is_intact(), "releases.{column} of v{number} was altered unseen");
            if !["number", "deploy_id"].contains(&column.as_str()) {
                let named = verdict.broken.iter().any(|b| b.release == Some(ReleaseNumber(number)));
                assert!(named, "releases.{column} of v{number}: {verdict:?}");
            }
        }
    }
}

#[test]
fn an_altered_config_value_is_found_and_the_release_named() {
    for (column, kind) in columns(&history(), "release_config") {
        let bench = history();
        let value = altered(&column, &kind);
        tamper(
            &bench,
            &format!(
                "UPDATE release_config SET {column} = {value} WHERE release_id = 2 AND name = 'B'"
            ),
        );
        let broken = bench.verdict().broken;
        assert!(broken.iter().any(|b| b.release == Some(ReleaseNumber(2))), "{column}: {broken:?}");
    }
}

#[test]
fn anything_added_removed_exchanged_or_pointed_elsewhere_is_found() {
    let statements = [
        "DELETE FROM releases WHERE number = 1",
        "DELETE FROM releases WHERE number = 2",
        "DELETE FROM releases WHERE number = 3",
        "DELETE FROM releases",
        "DELETE FROM release_config WHERE release_id = 1 AND name = 'A'",
        "INSERT INTO release_config SELECT 3, name, sealed, digest FROM release_config
         WHERE release_id = 2 AND name = 'B'",
        "UPDATE release_config SET sealed = (SELECT sealed FROM release_config
         WHERE release_id = 1 AND name = 'B') WHERE release_id = 1 AND name = 'A'",
        "UPDATE releases SET status = 'active' WHERE number = 3",
        "UPDATE releases SET failure = 'another reason' WHERE number = 3",
        "UPDATE releases SET build = NULL WHERE number = 2",
        "UPDATE releases SET created_by = CAST(x'ff' AS TEXT) WHERE number = 2",
        "UPDATE deploys SET current_release = 1",
        "UPDATE deploys SET current_release = NULL",
        "UPDATE release_heads SET mac = randomblob(32)",
        "DELETE FROM release_heads",
    ];
    for statement in statements {
        let bench = history();
        tamper(&bench, statement);
        assert!(!bench.verdict().is_intact(), "{statement} was not seen");
    }
}

#[test]
fn an_altered_release_neither_runs_nor_comes_back() {
    let bench = history();
    tamper(&bench, "UPDATE releases SET commands = '{\"web\":\"evil\"}' WHERE number < 3");
    let failure = current(&bench.ledger, &bench.key, &bench.deploy).unwrap_err();
    assert_eq!(failure.message, "shop/production v2 is not as it was cut");
    assert!(failure.next.is_some_and(|next| next.contains("verify")));
    assert!(bench.rollback(1).is_err());
    assert_eq!(bench.list().len(), 3, "reading still works");
}

#[test]
fn without_tampering_the_database_itself_refuses_to_edit_a_release() {
    let bench = history();
    let raw = Connection::open(bench.ledger.path()).unwrap();
    for (column, kind) in columns(&bench, "releases") {
        let statement = format!("UPDATE releases SET {column} = {}", altered(&column, &kind));
        let mutable = ["status", "failure", "status_at", "status_mac"].contains(&column.as_str());
        let done = raw.execute(&statement, []);
        // A status that is none is refused too, by a check.
        assert_eq!(done.is_ok(), mutable && column != "status", "{statement}: {done:?}");
    }
    for statement in [
        "DELETE FROM releases",
        "DELETE FROM release_config",
        "UPDATE release_config SET sealed = x''",
        "INSERT OR REPLACE INTO release_config SELECT * FROM release_config",
        "INSERT OR REPLACE INTO releases SELECT * FROM releases",
    ] {
        assert!(raw.execute(statement, []).is_err(), "{statement} was done");
    }
}
