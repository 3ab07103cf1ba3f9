//! Roots of real packages: the same bytes each time, whole or not there.

use super::made::{made, wanted};
use crate::stage::xii;
use std::process::{Command, Stdio};
use xii::build::stack::{self, Archive, Suite, Wanted};
use xii::keeper::Cancel;

#[test]
fn a_stack_made_again_from_its_packages_is_the_same_to_the_last_byte() {
    let test = "a_stack_made_again_from_its_packages_is_the_same_to_the_last_byte";
    let Some(made) = made(test) else { return };
    let (home, digest, cancel) = (&made.home, made.root.digest, Cancel::new().unwrap());
    stack::remake(home, &digest, &cancel, &mut |_| ()).unwrap();
    assert_eq!(std::fs::read_dir(home.tmp()).unwrap().count(), 0, "nothing else is left");

    // Gone from the disk, it is made from the packages that are still kept.
    std::fs::rename(made.root.folder(home), home.tmp().join("build-gone")).unwrap();
    assert_eq!(stack::find(home, &wanted()).unwrap(), None);
    stack::remake(home, &digest, &cancel, &mut |_| ()).unwrap();
    assert_eq!(stack::find(home, &wanted()).unwrap().as_ref(), Some(&made.root));
    let names: Vec<_> = ["less", "libc6", "tzdata", "ca-certificates"].into();
    assert!(names.iter().all(|name| made.root.packages.contains_key(*name)), "{:?}", made.root);
    assert!(!made.root.packages.contains_key("apt") && !made.root.packages.contains_key("perl"));
}

#[test]
fn a_root_that_was_altered_is_not_what_its_packages_make() {
    let Some(made) = made("a_root_that_was_altered_is_not_what_its_packages_make") else { return };
    // As if this root had been made under the digest of other files.
    let (home, old) = (&made.home, made.root.digest);
    let other = xii::app::Digest::of(b"other");
    let records = home.stacks().join("records");
    let text = std::fs::read_to_string(records.join(format!("{old}.json"))).unwrap();
    std::fs::remove_file(records.join(format!("{old}.json"))).unwrap();
    let text = text.replace(&old.to_string(), &other.to_string());
    std::fs::write(records.join(format!("{other}.json")), text).unwrap();
    let place = home.stacks().join(other.to_string());
    std::fs::rename(home.stacks().join(old.to_string()), &place).unwrap();
    let version = place.join("etc/debian_version");
    std::fs::remove_file(&version).unwrap();
    std::fs::write(&version, "99\n").unwrap();
    let failure = stack::remake(home, &other, &Cancel::new().unwrap(), &mut |_| ()).unwrap_err();
    assert_eq!(failure.exit_code(), 1);
    assert!(failure.to_string().contains("etc/debian_version"), "{failure}");
    let unknown =
        stack::remake(home, &xii::app::Digest::of(b"no"), &Cancel::new().unwrap(), &mut |_| ())
            .unwrap_err();
    assert_eq!(unknown.exit_code(), 2);
}

#[test]
fn a_package_that_is_not_there_is_named_before_anything_is_made() {
    let test = "a_package_that_is_not_there_is_named_before_anything_is_made";
    let Some(made) = made(test) else { return };
    let home = &made.home;
    let wanted = Wanted::new(Suite::Debian12, ["libpqq5", "less"]).unwrap();
    let failure =
        stack::make(home, &Archive::OfHost, &wanted, &Cancel::new().unwrap(), &mut |_| ())
            .unwrap_err();
    assert_eq!(failure.exit_code(), 2, "{failure}");
    assert_eq!(failure.message, "debian-12 has no package `libpqq5`");
    assert_eq!(failure.next.as_deref(), Some("did you mean `libpq5`?"));
    assert_eq!(stack::list(home).unwrap().len(), 1);
    assert_eq!(std::fs::read_dir(home.tmp()).unwrap().count(), 0);
}

#[test]
fn nothing_changes_while_the_archive_has_nothing_newer() {
    let Some(made) = made("nothing_changes_while_the_archive_has_nothing_newer") else { return };
    // The shared root may be of an earlier run, so the first upgrade may find something.
    let cancel = Cancel::new().unwrap();
    let upgrade =
        || stack::upgrade(&made.home, &Archive::OfHost, &wanted(), &cancel, &mut |_| ()).unwrap();
    let (_, first, _) = upgrade();
    let (old, new, changes) = upgrade();
    assert_eq!((old.digest, new.digest), (first.digest, first.digest));
    assert_eq!(changes, []);
}

#[test]
fn a_make_that_is_cancelled_ends_with_its_tools_and_leaves_nothing() {
    let test = "a_make_that_is_cancelled_ends_with_its_tools_and_leaves_nothing";
    let Some(made) = made(test) else { return };
    let (home, digest, cancel) = (&made.home, made.root.digest, Cancel::new().unwrap());
    let failure = std::thread::scope(|scope| {
        let making = scope.spawn(|| stack::remake(home, &digest, &cancel, &mut |_| ()));
        crate::stage::wait_until("a root under construction", || {
            let mut found = std::fs::read_dir(home.tmp()).unwrap().flatten();
            found.any(|entry| entry.path().join("root/usr").is_dir()).then_some(())
        });
        cancel.cancel();
        making.join().unwrap().unwrap_err()
    });
    assert_eq!(failure.message, "making the stack was cancelled");
    assert_eq!(std::fs::read_dir(home.tmp()).unwrap().count(), 0);
}

#[test]
fn a_make_that_is_killed_leaves_nothing_that_runs_or_is_mounted() {
    let test = "a_make_that_is_killed_leaves_nothing_that_runs_or_is_mounted";
    let Some(made) = made(test) else { return };
    let home = made.home.dir().to_path_buf();
    // A server of this home, killed while it makes the stack again.
    let run = |words: &[&str]| {
        let mut command = Command::new(xii());
        command.args(words).env_clear().env("PATH", "/usr/bin:/bin:/usr/sbin");
        command.env("XII_HOME", &home).env("XII_HTTP", "127.0.0.1:0");
        command.env("HOME", &home).env("XDG_RUNTIME_DIR", home.parent().unwrap());
        command.env("XII_ISOLATION", "best-effort").stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        command
    };
    assert!(run(&["up"]).status().unwrap().success());
    let digest = made.root.digest.to_string();
    let mut verify = run(&["stacks", "verify", &digest]).spawn().unwrap();
    let inside = |what: &str| {
        let root = home.join("tmp");
        crate::stage::wait_until(what, || {
            let mut found = std::fs::read_dir(&root).unwrap().flatten();
            found.any(|entry| entry.path().join("root/usr").is_dir()).then_some(())
        });
    };
    inside("a root under construction");
    let lock = std::fs::read_to_string(home.join("lock")).unwrap();
    let pid: i32 = lock.trim().parse().unwrap();
    crate::world::kill(pid, rustix::process::Signal::KILL);
    verify.wait().unwrap();
    crate::stage::wait_until("the end of all that worked in it", || {
        let busy = std::fs::read_dir("/proc").unwrap().flatten().any(|entry| {
            let argv = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&argv).contains(&format!("{}/tmp/stack-", home.display()))
        });
        (!busy).then_some(())
    });
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
    assert!(!mounts.contains(home.to_str().unwrap()), "{mounts}");
    assert!(run(&["up"]).status().unwrap().success());
    let left: Vec<_> = std::fs::read_dir(home.join("tmp")).unwrap().flatten().collect();
    assert!(left.is_empty(), "{left:?}");
    assert!(run(&["stacks", "verify", &digest]).status().unwrap().success());
    assert!(run(&["down"]).status().unwrap().success());
}
