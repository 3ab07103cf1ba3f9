//! What the sweeps have found, each as a test that needs no luck.

use super::calls::Call;
use super::fault::Kind;
use super::subject::{EXTRA, MAIN, Subject};
use super::tracer::{Aim, Blow, Tracer, Whom};
use crate::chaos::until_ports_agree;
use crate::world::{Said, World};
use nix::errno::Errno;
use nix::libc;

fn syncs_the_ledger(call: &Call) -> bool {
    call.number == libc::SYS_fsync || call.number == libc::SYS_fdatasync
}

/// Each change syncs the ledger a few times; each of them fails once.
#[test]
fn a_port_that_the_ledger_does_not_take_back_is_offered_again() {
    if super::skipped("crash::found::a_port_that_the_ledger_does_not_take_back_is_offered_again") {
        return;
    }
    let world = World::new();
    let subject = Subject::new(&world);
    for step in 1.. {
        let _ = world.xii(&["scale", "-a", MAIN, "web=2"]).ok();
        let tracer = Tracer::attach(Aim {
            pid: world.server_pid(),
            whom: Whom::Itself,
            blow: Blow::Fail(Errno::EIO),
            counts: syncs_the_ledger,
            step,
        });
        let said = world.xii(&["scale", "-a", MAIN, "web=1"]);
        let (_, struck) = tracer.end();
        if said.code != 0 {
            let _ = said.refused(1, &["ledger", "disk I/O error"]);
            let _ = world.xii(&["scale", "-a", MAIN, "web=1"]).ok();
        }
        until_ports_agree(&world, "app");
        if struck.is_none() {
            assert!(step > 3, "a change syncs the ledger more than {step} times");
            break;
        }
    }
    drop(subject);
    world.leave();
}

#[test]
fn what_a_killed_server_could_not_remove_is_removed_by_the_next() {
    let world = World::new();
    let mut subject = Subject::new(&world);
    let first = subject.prepare(Kind::First);
    let _ = Said::from(subject.command(&first).output().unwrap()).ok();
    let kept = world.home().join("logs").join(EXTRA);
    let digest = "0".repeat(64);
    let left = [
        world.home().join("logs/extra/ghost"),
        world.home().join("logs/ghost/production"),
        world.home().join("cache/ghost"),
        world.home().join("builds").join(digest),
        world.run_dir().join("instances/999.sock"),
        world.run_dir().join("instances/998.tmp"),
    ];
    world.kill_server();
    left.iter().for_each(|path| std::fs::create_dir_all(path).unwrap());
    for file in &left[4..] {
        std::fs::remove_dir(file).unwrap();
        std::fs::write(file, "").unwrap();
    }
    world.up();
    let still: Vec<_> = left.iter().filter(|path| path.exists()).collect();
    assert!(still.is_empty(), "{still:?}");
    assert!(kept.exists(), "a log that is in use stays");
    drop(subject);
    world.leave();
}

/// A build needs threads of its own.
#[test]
fn a_deploy_that_gets_no_thread_says_so() {
    if super::skipped("crash::found::a_deploy_that_gets_no_thread_says_so") {
        return;
    }
    let world = World::new();
    let mut subject = Subject::new(&world);
    for step in 1.. {
        let deploy = subject.prepare(Kind::Deploy);
        let tracer = Tracer::attach(Aim {
            pid: world.server_pid(),
            whom: Whom::Itself,
            blow: Blow::Fail(Errno::EAGAIN),
            counts: super::calls::begins_a_process,
            step,
        });
        let said = Said::from(subject.command(&deploy).output().unwrap());
        if tracer.end().1.is_none() {
            assert!(step > 1, "a deploy starts something");
            let _ = said.ok();
            break;
        }
        if said.code != 0 {
            let _ = said.refused(1, &["error: ", "os error 11"]);
        }
    }
    drop(subject);
    world.leave();
}

/// `xii apps destroy` stops both, and the second one's table cannot be written.
#[test]
fn a_destroy_that_fails_leaves_everything_running() {
    if super::skipped("crash::found::a_destroy_that_fails_leaves_everything_running") {
        return;
    }
    let world = World::new();
    let mut subject = Subject::new(&world);
    let destroy = subject.prepare(Kind::DestroyApp);
    for step in 1.. {
        let tracer = Tracer::attach(Aim {
            pid: world.server_pid(),
            whom: Whom::Itself,
            blow: Blow::Fail(Errno::ENOSPC),
            counts: renames,
            step,
        });
        let said = Said::from(subject.command(&destroy).output().unwrap());
        let _ = tracer.end();
        if said.code == 0 {
            break;
        }
        world.until("the app answers again", || {
            (world.get("extra.localhost", "/").status == 200).then_some(())
        });
    }
    drop(subject);
    world.leave();
}

#[test]
fn a_destroy_that_cannot_list_what_is_left_looks_again() {
    if super::skipped("crash::found::a_destroy_that_cannot_list_what_is_left_looks_again") {
        return;
    }
    let world = World::new();
    let mut subject = Subject::new(&world);
    let destroy = subject.prepare(Kind::DestroyApp);
    let logs = world.home().join("logs").join(EXTRA);
    assert!(logs.exists());
    let tracer = Tracer::attach(Aim {
        pid: world.server_pid(),
        whom: Whom::Itself,
        blow: Blow::Fail(Errno::EMFILE),
        counts: lists_the_logs,
        step: 1,
    });
    let said = Said::from(subject.command(&destroy).output().unwrap());
    assert!(tracer.end().1.is_some());
    let _ = said.ok();
    assert!(!logs.exists() && !world.home().join("cache/extra").exists());
    drop(subject);
    world.leave();
}

fn lists_the_logs(call: &Call) -> bool {
    let is_open = call.number == libc::SYS_openat;
    is_open && call.path(1).is_some_and(|path| path.ends_with("/home/logs"))
}

/// A routing table gets its name.
fn renames(call: &Call) -> bool {
    [libc::SYS_rename, libc::SYS_renameat, libc::SYS_renameat2].contains(&call.number)
}
