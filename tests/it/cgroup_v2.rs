//! Machines of one kind of cgroups, in a mount namespace of a thread's own: those that have v2
//! and nothing else, as most do, and those that have only the old ones. Which controllers v2
//! has is the machine's affair; what they do is shown by `just vm`.

use crate::keeper::ask;
use crate::stage::{Stage, final_exit, skip_without_root};
use rustix::mount::{self, MountFlags, MountPropagationFlags, UnmountFlags};
use std::path::{Path, PathBuf};
use xii::keeper::Request;
use xii::sandbox::cgroup::KEEPERS;

const ROOT: &str = "/sys/fs/cgroup";

/// Runs where cgroup v2 is all there is, in a thread; its processes see the same. Moved, not
/// mounted anew: that would change its options for the whole machine.
pub fn alone<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let unified = Path::new(ROOT).join("unified");
    in_own_mounts(|| {
        if unified.exists() {
            let aside = tempfile::tempdir().unwrap();
            mount::mount_bind(&unified, aside.path()).unwrap();
            mount::unmount(ROOT, UnmountFlags::DETACH).unwrap();
            mount::mount_bind(aside.path(), ROOT).unwrap();
            mount::unmount(aside.path(), UnmountFlags::DETACH).unwrap();
        }
        work()
    })
}

/// Runs where there is no cgroup v2 beside the old ones.
pub fn absent<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let unified = Path::new(ROOT).join("unified");
    match unified.exists() {
        true => in_own_mounts(|| {
            mount::unmount(&unified, UnmountFlags::DETACH).unwrap();
            work()
        }),
        false => work(),
    }
}

fn in_own_mounts<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    let within = || {
        xii::sandbox::sys::unshare(rustix::thread::UnshareFlags::NEWNS).unwrap();
        let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
        mount::mount_change("/", private).unwrap();
        work()
    };
    std::thread::scope(|scope| scope.spawn(within).join().unwrap())
}

#[test]
fn a_keeper_and_its_app_are_born_in_their_cgroups_and_move_into_none() {
    if skip_without_root("a_keeper_and_its_app_are_born_in_their_cgroups_and_move_into_none") {
        return;
    }
    let mut stage = Stage::shell("echo up; exec sleep 1000");
    let instance = stage.spec.sandbox.cgroup.clone().unwrap();
    let (home, _) = instance.split_once('/').unwrap();
    let keepers = format!("{home}/{KEEPERS}");
    alone(|| {
        [&instance, &keepers].iter().for_each(|name| forbid_joining(&Path::new(ROOT).join(name)));
        let mut connection = stage.start();
        stage.wait_for_log("app[web.1]: up");
        let members = |name: &str| {
            let list = Path::new(ROOT).join(name).join("cgroup.procs");
            std::fs::read_to_string(list).unwrap().lines().count()
        };
        assert_eq!((members(&instance), members(&keepers)), (1, 1));
        ask(&mut connection, &Request::Stop { window_ms: None });
        final_exit(&mut connection);
    });
    stage.nothing_is_left();
}

#[test]
fn where_ports_can_be_guarded_nothing_starts_without_the_guard() {
    if skip_without_root("where_ports_can_be_guarded_nothing_starts_without_the_guard") {
        return;
    }
    let mut stage = Stage::shell("echo up");
    // The guard hangs on a cgroup of v2.
    in_own_mounts(|| {
        mount::unmount(ROOT, UnmountFlags::DETACH).unwrap();
        mount::mount("tmpfs", ROOT, "tmpfs", MountFlags::empty(), None).unwrap();
        let start =
            |stage: &Stage| xii::keeper::start(crate::stage::xii(), &stage.spec, None, None);
        stage.spec.sandbox.guarded = true;
        let refused = start(&stage).unwrap_err().to_string();
        assert!(refused.contains("guard ports"), "{refused}");
        assert_eq!(stage.log(), "");
        assert!(!stage.spec.record.exists() && !stage.spec.socket.exists(), "nothing is left");
        stage.spec.sandbox.guarded = false;
        stage.start();
    });
    stage.wait_for_log("app[web.1]: up");
}

/// Whoever tries to move in is told that the file cannot be written.
fn forbid_joining(folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    let list: PathBuf = folder.join("cgroup.procs");
    mount::mount_bind(&list, &list).unwrap();
    let read_only = MountFlags::BIND | MountFlags::RDONLY;
    mount::mount_remount(&list, read_only, "").unwrap();
    std::fs::write(&list, "0").unwrap_err();
}
