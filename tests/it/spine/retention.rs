//! Releases stay for ever; builds that none of the last twenty needs leave the disk. Every
//! change is in the audit log.

use crate::world::World;

#[test]
fn an_old_build_is_pruned_and_a_rollback_to_it_says_so() {
    let world = World::new();
    let app = world.deployed("shop");
    let build = app.json(&["releases", "info", "v1"])["build"].as_str().unwrap().to_string();
    app.commit(&[("note.txt", "2")]);
    let _ = app.xii(&["deploy"]).ok();
    let ledger = rusqlite::Connection::open(world.home().join("ledger.db")).unwrap();
    ledger.execute("UPDATE builds SET created_at = 0", []).unwrap();
    for number in 0..18 {
        let _ = app.xii(&["config", "set", &format!("A={number}"), "--no-restart"]).ok();
    }
    let _ = app.xii(&["rollback", "v1", "--plan"]).ok();
    app.commit(&[("note.txt", "3")]);
    let _ = app.xii(&["deploy"]).ok();
    let _ = app.xii(&["rollback", "v1"]).refused(2, &["its build was pruned", "xii deploy"]);
    assert_eq!(std::fs::read_dir(world.home().join("builds")).unwrap().count(), 2, "{build}");
    assert_eq!(app.json(&["releases"]).as_array().unwrap().len(), 21);

    // The build of v2 is younger than twenty releases: it can still be gone back to.
    let _ = app.xii(&["rollback", "v2"]).ok();
    assert_eq!(app.body("/"), "v22 web.1");
    let commit = app.json(&["releases", "info", "v1"])["commit"].as_str().unwrap().to_string();
    let _ = app.xii(&["deploy", &commit]).ok();
    let again = app.json(&["releases", "info", "v23"])["build"].as_str().unwrap().to_string();
    assert_eq!(again, build, "built again, it is the same");
    every_change_is_audited(&ledger);
    world.leave();
}

fn every_change_is_audited(ledger: &rusqlite::Connection) {
    let mut statement = ledger.prepare("SELECT what FROM audit ORDER BY id").unwrap();
    let rows: Vec<String> =
        statement.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
    let count = |word: &str| rows.iter().filter(|what| what.starts_with(word)).count();
    assert_eq!(rows[0], "create");
    assert_eq!((count("create"), count("deploy"), count("config set A")), (1, 4, 18), "{rows:?}");
    assert_eq!(count("rollback to v2"), 1);
    assert_eq!(rows.len(), 24, "what was refused or only planned is no change: {rows:?}");
}
