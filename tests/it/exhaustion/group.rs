//! A cgroup of a test's own, for one process of the platform.

use crate::world::World;
use std::path::PathBuf;
use xii::sandbox::cgroup::Hierarchies;

pub struct Group {
    folder: PathBuf,
    root: PathBuf,
}

impl Group {
    /// Below the root of a hierarchy, with this process in it.
    pub fn with(world: &World, root: Option<PathBuf>, pid: i32) -> Option<Group> {
        let root = root?;
        let folder = root.join(format!("test-{}", world.home_id()));
        std::fs::create_dir(&folder).ok()?;
        let group = Group { folder, root };
        group.set("cgroup.procs", &pid.to_string()).then_some(group)
    }

    pub fn pids(world: &World, pid: i32) -> Option<Group> {
        Group::with(world, Hierarchies::of_this_machine().pids, pid)
    }

    pub fn memory(world: &World, pid: i32) -> Option<Group> {
        Group::with(world, Hierarchies::of_this_machine().memory, pid)
    }

    pub fn set(&self, file: &str, value: &str) -> bool {
        std::fs::write(self.folder.join(file), value).is_ok()
    }

    pub fn text(&self, file: &str) -> String {
        std::fs::read_to_string(self.folder.join(file)).unwrap().trim().to_string()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let pids = std::fs::read_to_string(self.folder.join("cgroup.procs")).unwrap_or_default();
        for pid in pids.lines() {
            let _ = std::fs::write(self.root.join("cgroup.procs"), pid);
        }
        let _ = std::fs::remove_dir(&self.folder);
    }
}
