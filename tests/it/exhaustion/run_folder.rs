//! `/run` lies in memory and is small: somebody has filled it.

use super::{all_is_well, complains, unnoticed};
use crate::chaos::{Victim, pids, recorded, until_reached};
use crate::load;
use crate::stage::skip_without_root;
use crate::world::{World, is_alive, kill};
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use rustix::process::Signal;
use std::io::Write as _;
use std::path::PathBuf;

/// A small file system for what is in the run folder; unmounted in any case.
struct Small(PathBuf);

impl Small {
    fn at(folder: PathBuf) -> Small {
        std::fs::create_dir_all(&folder).unwrap();
        let options = Some(c"size=1m,mode=711");
        mount("tmpfs", &folder, "tmpfs", MountFlags::empty(), options).unwrap();
        Small(folder)
    }

    fn fill(&self) {
        let mut hog = std::fs::File::create(self.0.join("hog")).unwrap();
        while hog.write(&[0; 1024]).is_ok_and(|written| written > 0) {}
        assert_eq!(rustix::fs::statvfs(&self.0).unwrap().f_bavail, 0);
    }

    fn empty(&self) {
        std::fs::remove_file(self.0.join("hog")).unwrap();
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = unmount(&self.0, UnmountFlags::DETACH);
        let _ = std::fs::remove_dir(&self.0);
    }
}

#[test]
fn a_full_run_folder_stops_starts_and_nothing_else() {
    let test = "a_full_run_folder_stops_starts_and_nothing_else";
    if skip_without_root(test) {
        return;
    }
    let world = World::new();
    world.nothing_left();
    let run = Small::at(world.run_dir());
    world.up();
    let app = load::deployed(&world, "app", 0);
    unnoticed(&world, test, || {
        run.fill();
        complains(&world, "run folder", &["nearly full", "0K and"]);
        app.commit(&[]);
        let full = ["cannot start web.1", "No space left on device"];
        let _ = app.xii(&["deploy"]).refused(1, &full);
        let _ = app.xii(&["config", "set", "COLOUR=red"]).refused(1, &full);
        // A server can always be had, to see what is the matter.
        world.kill_server();
        let _ = world.xii(&["up"]).ok();
        complains(&world, "run folder", &["nearly full"]);
        let (state, release) = recorded(&world, "app");
        until_reached(&world, "app", &state, release);
    });
    // A keeper's death cannot be made up for now, but is as soon as there is room.
    let old = pids(&world, Victim::Keeper);
    old.iter().for_each(|pid| kill(*pid, Signal::KILL));
    world.until("they are gone", || old.iter().all(|pid| !is_alive(*pid)).then_some(()));
    run.empty();
    let (state, release) = recorded(&world, "app");
    until_reached(&world, "app", &state, release);
    all_is_well(&world, &app);
    drop(app);
    let _ = world.xii(&["down"]).ok();
    drop(run);
    world.leave();
}
