//! What may be deleted at any time may be damaged at any time: it is dropped and made again.

use super::{ALL, Damage};
use crate::world::World;
use std::path::{Path, PathBuf};

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type().unwrap().is_dir() {
            true => found.extend(files(&entry.path())),
            false => found.push(entry.path()),
        }
    }
    found
}

#[test]
fn a_damaged_cache_or_note_of_what_was_made_costs_time_and_nothing_else() {
    let world = World::new();
    let app = world.deployed("shop");
    for (round, damage) in ALL.into_iter().enumerate() {
        let cache = files(&world.home().join("cache/shop"));
        assert!(!cache.is_empty());
        cache.iter().filter(|path| !path.ends_with("lock")).for_each(|path| damage.to(path));
        files(&world.home().join("stacks/made")).iter().for_each(|path| {
            if !path.ends_with("lock") {
                damage.to(path);
            }
        });
        for (folder, name) in
            [("records", "0".repeat(64)), ("wishes", "1".repeat(64)), ("tools", "2".repeat(64))]
        {
            let folder = world.home().join("stacks").join(folder);
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join(&name), b"\x00\xff{\"v\":").unwrap();
            std::fs::write(folder.join(name + ".json"), b"\x00\xff{\"v\":").unwrap();
        }
        app.commit(&[("round.txt", &round.to_string())]);
        let _ = app.xii(&["deploy"]).ok();
        assert!(app.body("/").starts_with(&format!("v{} ", round + 2)));
        let said = world.xii(&["stacks"]);
        assert!(said.code < 70, "{said:?}");
    }
    world.leave();
}

#[test]
fn damaged_logs_are_read_as_far_as_they_are_lines() {
    let world = World::new();
    let app = world.deployed("shop");
    let _ = app.xii(&["scale", "worker=1"]).ok();
    world.until("it has logged", || world.log("shop").contains("beat 3").then_some(()));
    let _ = world.xii(&["down"]).ok();
    let dead = files(&world.home().join("logs"));
    assert!(dead.len() > 1, "{dead:?}");
    world.up();
    for damage in [Damage::Flip, Damage::Cut, Damage::Noise, Damage::Empty, Damage::Gone] {
        dead.iter().for_each(|path| damage.to(path));
        // What the worker that runs now writes is there, whatever became of the others' files.
        world.until("what is whole is shown", || {
            let said = world.xii(&["logs", "-a", "shop", "-n", "100000"]).ok();
            said.out.lines().last().is_some_and(|line| line.contains("beat ")).then_some(())
        });
    }
    world.leave();
}
