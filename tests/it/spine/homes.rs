//! A home that cannot be used is refused at once, and the refusal says why.

use crate::world::{Said, World};

fn up_in(world: &World, home: &std::path::Path) -> Said {
    let mut command = world.command(world.folder(), &["up"]);
    command.env("XII_HOME", home).output().unwrap().into()
}

#[test]
fn a_ledger_of_a_newer_version_and_a_missing_key_are_refused() {
    let world = World::new();
    let app = world.deployed("shop");
    let _ = app.xii(&["config", "set", "A=1"]).ok();
    let _ = world.xii(&["down"]).ok();
    let key = world.home().join("key");
    let aside = world.folder().join("key");
    std::fs::rename(&key, &aside).unwrap();
    let _ = world.xii(&["up"]).refused(1, &["key"]);
    assert!(!key.exists(), "no other key is made in its place");
    std::fs::rename(&aside, &key).unwrap();

    let pragma = |version: u32| {
        let ledger = rusqlite::Connection::open(world.home().join("ledger.db")).unwrap();
        let found: u32 = ledger.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
        ledger.pragma_update(None, "user_version", version).unwrap();
        found
    };
    let known = pragma(99);
    let _ = world.xii(&["up"]).refused(1, &["schema 99", "install"]);
    pragma(known);
    world.up();
    world.until("it serves", || (world.get(&app.host(), "/env/A").body == "1").then_some(()));
    world.leave();
}

#[test]
fn a_home_that_is_a_symlink_read_only_or_taken_is_refused() {
    let world = World::new();
    let link = world.folder().join("link");
    std::fs::create_dir(world.folder().join("real")).unwrap();
    std::os::unix::fs::symlink(world.folder().join("real"), &link).unwrap();
    let _ = up_in(&world, &link).refused(1, &["symbolic link"]);
    let _ = up_in(&world, std::path::Path::new("/proc/home")).refused(1, &["/proc/home"]);
    let _ = up_in(&world, std::path::Path::new("/sys")).refused(1, &["/sys"]);
    let mut second = world.command(world.folder(), &["server"]);
    let said = Said::from(second.output().unwrap());
    let _ = said.refused(1, &["in use", "xii"]);
    // Nor does a second `up` start anything.
    let pid = world.server_pid();
    let _ = world.xii(&["up"]).ok().says(&["up already"]);
    assert_eq!(world.server_pid(), pid);
    world.leave();
}

#[test]
fn what_is_destroyed_is_gone_and_its_name_is_free_again() {
    let world = World::new();
    let app = world.deployed("shop");
    let _ = app.xii(&["config", "set", "A=1"]).ok();
    let _ = app.xii(&["create", "shop", "-d", "staging"]).ok();
    let _ = app.xii(&["destroy"]).refused(2, &["--confirm shop/production"]);
    let _ = app.xii(&["destroy", "--confirm", "shop"]).refused(2, &["nothing was destroyed"]);
    let _ = app.xii(&["destroy", "-d", "staging", "--confirm", "shop/staging"]).ok();
    assert_eq!(app.body("/env/A"), "1");
    let _ = app.xii(&["apps", "destroy", "shop"]).refused(2, &["--confirm shop"]);
    let _ = app.xii(&["apps", "destroy", "shop", "--confirm", "shop"]).ok();
    assert_eq!(world.get(&app.host(), "/").status, 404);
    let _ = app.xii(&["ps", "-a", "shop"]).refused(2, &["xii create shop"]);

    // Another codebase may have the name; nothing of the first one is left in it.
    let other = world.checkout("shop2", crate::world::WEB);
    let _ = other.xii(&["deploy", "-a", "shop"]).ok();
    assert_eq!(world.get("shop.localhost", "/env/A").body, "(unset)");
    assert_eq!(world.get("shop.localhost", "/").body, "v1 web.1");
    let _ = world.xii(&["create", "bare"]).ok();
    let _ = world.xii(&["destroy", "-a", "bare", "--confirm", "bare/production"]).ok();
    let _ = world.xii(&["apps", "destroy", "bare", "--confirm", "bare"]).ok();
    world.leave();
}
