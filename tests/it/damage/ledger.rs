//! A damaged ledger: what is read from it is true, or an error names it.

use crate::chaos::Random;
use crate::power_cut::state::{self, State};
use crate::world::World;
use std::path::Path;

/// The files of a ledger beside its key, in a folder of their own.
fn copy(home: &Path, to: &Path) {
    let _ = std::fs::remove_dir_all(to);
    std::fs::create_dir_all(to).unwrap();
    for name in ["ledger.db", "ledger.db-wal", "key"] {
        let _ = std::fs::copy(home.join(name), to.join(name));
    }
}

fn read(home: &Path) -> Result<State, String> {
    let (ledger, key) = state::open(home)?;
    // Those that bear another name now have to be found out too.
    for app in ledger.apps().map_err(|failure| failure.to_string())? {
        state::read(&ledger, &key, &app.name)?;
    }
    state::read(&ledger, &key, &"shop".parse().unwrap())
}

fn history(world: &World) -> State {
    let app = world.deployed("shop");
    for round in 0..3 {
        let _ = app.xii(&["config", "set", &format!("A={round}"), "B=b"]).ok();
    }
    let _ = app.xii(&["rollback"]).ok();
    read(&world.home()).unwrap()
}

#[test]
fn a_flipped_bit_anywhere_in_a_ledger_changes_no_release_and_no_config() {
    let mut random = Random::seeded("a_flipped_bit_anywhere_in_a_ledger");
    let world = World::new();
    let truth = history(&world);
    let _ = world.xii(&["down"]).ok();
    let folder = world.folder().join("copy");
    let length = world.home().join("ledger.db").metadata().unwrap().len();
    let (mut refused, mut unharmed) = (0, 0);
    for _ in 0..150 {
        copy(&world.home(), &folder);
        let path = folder.join("ledger.db");
        let mut bytes = std::fs::read(&path).unwrap();
        let at = random.below(length) as usize;
        bytes[at] ^= 1 << random.below(8);
        std::fs::write(&path, bytes).unwrap();
        match read(&folder) {
            // What is not sealed: how many are wanted, and what is stopped.
            Ok(mut found) => {
                for (name, deploy) in &mut found {
                    let Some(as_was) = truth.get(name) else { continue };
                    deploy.formation.clone_from(&as_was.formation);
                    deploy.stopped.clone_from(&as_was.stopped);
                }
                assert!(found == truth || found.is_empty(), "byte {at}: {found:#?}");
                unharmed += 1;
            }
            Err(_) => refused += 1,
        }
    }
    eprintln!("{refused} refused, {unharmed} where nothing was harmed");
    assert!(refused > 0);
    for length in [0, 1, 99, 100, 4096, length / 2, length - 4096, length - 1] {
        copy(&world.home(), &folder);
        let ledger = std::fs::File::options().write(true).open(folder.join("ledger.db"));
        ledger.unwrap().set_len(length).unwrap();
        match read(&folder) {
            // The end of the last page was nothing.
            Ok(found) => assert_eq!(found, truth, "cut to {length}"),
            Err(said) => assert!(said.contains("ledger.db"), "cut to {length}: {said}"),
        }
    }
    world.leave();
}

/// The newest rows are in the write-ahead log until they are moved: of a damaged one the rows
/// before the damage are whole.
#[test]
fn of_a_damaged_write_ahead_log_what_came_before_the_damage_is_whole() {
    let mut random = Random::seeded("of_a_damaged_write_ahead_log");
    let world = World::new();
    let truth = history(&world);
    let folder = world.folder().join("copy");
    // As a power cut leaves it.
    copy(&world.home(), &folder);
    let length = folder.join("ledger.db-wal").metadata().unwrap().len();
    assert!(length > 0 && read(&folder).unwrap() == truth);
    for _ in 0..60 {
        copy(&world.home(), &folder);
        let path = folder.join("ledger.db-wal");
        let mut bytes = std::fs::read(&path).unwrap();
        let at = random.below(length) as usize;
        match random.below(2) {
            0 => bytes.truncate(at),
            _ => bytes[at] ^= 1 << random.below(8),
        }
        std::fs::write(&path, bytes).unwrap();
        match read(&folder) {
            Ok(found) => is_earlier(&found, &truth),
            Err(said) => assert!(said.contains("ledger.db"), "byte {at}: {said}"),
        }
    }
    world.leave();
}

fn is_earlier(found: &State, truth: &State) {
    for (name, deploy) in found {
        let all = &truth[name].releases;
        assert!(deploy.releases.len() <= all.len(), "{found:#?}");
        for (release, was) in deploy.releases.iter().zip(all) {
            let same = state::Release { status: was.status.clone(), ..release.clone() };
            assert_eq!(same, *was);
        }
    }
}

#[test]
fn the_doctor_reads_every_page_of_the_ledger() {
    let world = World::new();
    world.deployed("shop");
    let check = || {
        let said = world.xii(&["doctor", "--json"]).json();
        let checks = said["checks"].as_array().unwrap().clone();
        checks.into_iter().find(|check| check["name"] == "ledger").unwrap()
    };
    assert_eq!(check()["ok"], true);
    let path = world.home().join("ledger.db");
    // Everything but the first page, under the running server.
    let copy = world.folder().join("kept");
    let checkpoint = rusqlite::Connection::open(&path).unwrap();
    checkpoint.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).unwrap();
    std::fs::copy(&path, &copy).unwrap();
    let ledger = std::fs::File::options().write(true).open(&path).unwrap();
    let length = ledger.metadata().unwrap().len();
    for page in 1..length / 4096 {
        std::os::unix::fs::FileExt::write_all_at(&ledger, &[0xff; 4096], page * 4096).unwrap();
    }
    let found = check();
    assert_eq!(found["ok"], false, "{found}");
    assert!(found["remedy"].as_str().unwrap().contains("backup"), "{found}");
    let good = std::fs::read(&copy).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&ledger, &good, 0).unwrap();
    assert_eq!(check()["ok"], true);
    drop(checkpoint);
    world.leave();
}

#[test]
fn a_ledger_that_is_gone_is_not_taken_for_a_new_home() {
    let world = World::new();
    world.deployed("shop");
    let _ = world.xii(&["down"]).ok();
    let (ledger, aside) = (world.home().join("ledger.db"), world.folder().join("aside"));
    std::fs::rename(&ledger, &aside).unwrap();
    let _ = world.xii(&["up"]).refused(1, &["ledger.db is missing", "restore it from a backup"]);
    assert!(!ledger.exists());
    std::fs::rename(&aside, &ledger).unwrap();
    world.up();
    world.leave();
}
