//! What a server cannot do without: it does not start, and says which file and what to do.

use super::{ALL, Damage, Kept};
use crate::world::World;

#[test]
fn a_server_does_not_start_on_a_damaged_home_and_says_what_to_restore() {
    let world = World::new();
    let app = world.deployed("shop");
    let _ = app.xii(&["config", "set", "A=1"]).ok();
    let _ = world.xii(&["down"]).ok();
    for file in ["ledger.db", "key", "id", "version"] {
        let path = world.home().join(file);
        for damage in ALL {
            // A ledger's middle may be a place where nothing is: see the tests of the ledger. An id
            // with another digit is an id, a home without one is given one, and who wrote a
            // home matters only to errors.
            let is_seen = !matches!(
                (file, damage),
                ("ledger.db" | "version" | "id", Damage::Flip)
                    | ("version", Damage::Cut)
                    | ("id", Damage::Gone)
            );
            if !is_seen {
                continue;
            }
            let _kept = Kept::of(&path);
            damage.to(&path);
            let said = world.xii(&["up"]);
            let next = said.err.contains("next: ") || said.out.contains("next: ");
            let named = said.err.contains(&path.display().to_string()) || file == "version";
            assert!(said.code != 0 && next && named, "{file}, {damage:?}: {said:#?}");
            assert!(said.code < 70, "{file}, {damage:?}: {said:#?}");
        }
    }
    world.up();
    world.until("it serves", || (world.get(&app.host(), "/env/A").body == "1").then_some(()));
    world.leave();
}

#[test]
fn a_key_of_another_home_or_another_version_is_refused_at_the_start() {
    let world = World::new();
    world.deployed("shop");
    let _ = world.xii(&["down"]).ok();
    let other = World::new();
    let _ = other.xii(&["down"]).ok();
    let key = world.home().join("key");
    {
        let _kept = Kept::of(&key);
        std::fs::copy(other.home().join("key"), &key).unwrap();
        let named = key.display().to_string();
        let _ = world.xii(&["up"]).refused(1, &[&named, "is sealed with key", "XII_KEY_FILE"]);
    }
    {
        let _kept = Kept::of(&key);
        let text = std::fs::read_to_string(&key).unwrap();
        std::fs::write(&key, text.replace("xii key 1", "xii key 2")).unwrap();
        let _ = world.xii(&["up"]).refused(1, &["version 2", "newer"]);
    }
    let version = world.home().join("version");
    {
        let _kept = Kept::of(&version);
        std::fs::write(&version, "9\nwritten by xii 9.1.0\n").unwrap();
        let _ = world.xii(&["up"]).refused(1, &["format 9", "xii 9.1.0", "install"]);
    }
    for world in [world, other] {
        world.up();
        world.leave();
    }
}

#[test]
fn the_lock_may_hold_anything() {
    let world = World::new();
    let app = world.deployed("shop");
    let _ = world.xii(&["down"]).ok();
    for text in ["", "x", "999999999999", "1\n", "\u{1}\u{2}"] {
        std::fs::write(world.home().join("lock"), text).unwrap();
        world.up();
        let _ = world.xii(&["down"]).ok();
    }
    drop(app);
    world.up();
    world.leave();
}
