//! Builds that fill the disk: ended before anybody else misses it.

use super::{build_with, is_confined, refused, serving};
use crate::world::World;
use std::path::PathBuf;
use std::process::Command;

#[test]
fn a_build_that_writes_more_than_it_may_is_ended_wherever_it_writes() {
    let test = "a_build_that_writes_more_than_it_may_is_ended_wherever_it_writes";
    let world = World::new();
    if !is_confined(&world, test) {
        return world.leave();
    }
    let app = serving(&world);
    for at in ["/app", "/tmp", "/cache"] {
        // It ends by itself, so that a watcher that sleeps does not fill this machine's disk.
        let script = format!("dd if=/dev/zero of={at}/big bs=1M count=4000; sleep 1000");
        build_with(&app, "disk = \"40M\"\ntimeout = \"2m\"", &script);
        refused(&world, &app, 3, &["more than 40M to the disk", "disk = \"20G\""]);
    }
    let cache = world.home().join("cache/shop/tools");
    let left: Vec<_> = std::fs::read_dir(&cache).unwrap().collect();
    assert!(left.is_empty(), "a cache over its limit is emptied: {left:?}");
    world.leave();
}

#[test]
fn a_build_is_ended_before_the_disk_is_full() {
    let test = "a_build_is_ended_before_the_disk_is_full";
    let world = World::without_server();
    let Some(_small) = SmallDisk::at(world.home()) else {
        return eprintln!("SKIP {test}: no file system can be mounted here");
    };
    // The world ends before its disk does.
    let world = world;
    world.up();
    if !is_confined(&world, test) {
        return world.leave();
    }
    let app = serving(&world);
    build_with(&app, "timeout = \"2m\"", "dd if=/dev/zero of=big bs=1M count=400; sleep 1000");
    refused(&world, &app, 1, &["nearly full", "the build was ended"]);
    build_with(&app, "", "true");
    let _ = app.xii(&["deploy"]).ok();
    let _ = world.xii(&["down"]).ok();
}

/// A file system with room for little more than what no build may touch.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn at(place: PathBuf) -> Option<SmallDisk> {
        std::fs::create_dir_all(&place).unwrap();
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=1324m,mode=755", "tmpfs"]).arg(&place);
        mount.output().is_ok_and(|done| done.status.success()).then_some(SmallDisk(place))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
