use super::open_home;
use crate::app::{Blame, Failure};
use crate::store::Home;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

fn refusal(dir: &Path, run: &Path) -> Failure {
    Home::open(dir, run).unwrap_err()
}

#[test]
fn a_home_keeps_its_id_and_finds_its_run_folder_again_after_a_reboot() {
    let dir = tempfile::tempdir().unwrap();
    let home = open_home(dir.path());
    assert_eq!(home.id().as_str().len(), 8);
    assert_eq!(home.run_dir(), dir.path().join("run").join(home.id().as_str()));
    fs::remove_dir_all(dir.path().join("run")).unwrap();
    assert_eq!(open_home(dir.path()), home);
    assert!(home.run_dir().is_dir());
    let found = Home::find(home.dir(), &dir.path().join("run")).unwrap();
    assert_eq!(found, Some(home));
}

#[test]
fn others_may_pass_through_a_home_but_not_list_it_nor_read_its_logs() {
    let dir = tempfile::tempdir().unwrap();
    let home = open_home(dir.path());
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(home.dir()), 0o711);
    assert_eq!(mode(home.run_dir()), 0o711);
    assert_eq!(mode(&home.logs()), 0o700);
    assert_eq!(mode(&home.instances()), 0o700);
}

#[test]
fn looking_for_a_home_makes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(Home::find(&dir.path().join("home"), dir.path()).unwrap(), None);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
}

#[test]
fn a_link_a_relative_path_and_a_file_are_no_homes() {
    let dir = tempfile::tempdir().unwrap();
    let run = dir.path().join("run");
    open_home(dir.path());
    let link = dir.path().join("link");
    symlink(dir.path().join("home"), &link).unwrap();
    for path in [link.clone(), link.join("")] {
        let failure = refusal(&path, &run);
        assert!(failure.message.ends_with("link is a symbolic link"), "{failure}");
        assert_eq!(failure.blame, Blame::Usage);
        assert!(failure.next.is_some());
    }
    assert!(refusal(Path::new("home"), &run).message.contains("a relative path"));
    assert!(refusal(&dir.path().join("home/../home"), &run).message.contains(".."));
    let file = dir.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(refusal(&file, &run).message.ends_with("file is not a folder"));
}

#[test]
fn a_home_that_cannot_be_written_says_so() {
    let dir = tempfile::tempdir().unwrap();
    let home = open_home(dir.path());
    fs::set_permissions(home.dir(), fs::Permissions::from_mode(0o555)).unwrap();
    // Root passes permission bits; sysfs makes no files for anybody.
    let as_root = fs::write(home.dir().join("probe"), "").is_ok();
    let path = if as_root { Path::new("/sys/kernel") } else { home.dir() };
    let failure = refusal(path, &dir.path().join("run"));
    fs::set_permissions(home.dir(), fs::Permissions::from_mode(0o711)).unwrap();
    assert_eq!(failure.message, format!("cannot write to XII_HOME {}", path.display()));
    assert!(failure.next.is_some_and(|next| next.contains("XII_HOME")));
}

#[test]
fn a_folder_with_other_things_in_it_is_not_taken_over() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("thesis.tex"), "").unwrap();
    let failure = refusal(dir.path(), &dir.path().join("run"));
    assert!(failure.message.contains("is not a xii home"), "{failure}");
    assert!(failure.message.contains("thesis.tex"), "{failure}");
}

#[test]
fn a_home_of_a_newer_xii_is_refused_naming_both_versions() {
    let dir = tempfile::tempdir().unwrap();
    let home = open_home(dir.path());
    fs::write(home.dir().join("version"), "2\nwritten by xii 7.8.9\n").unwrap();
    let failure = refusal(home.dir(), &dir.path().join("run"));
    assert!(failure.message.contains("format 2, written by xii 7.8.9"), "{failure}");
    assert!(failure.message.contains(concat!("this is xii ", env!("CARGO_PKG_VERSION"))));
    fs::write(home.dir().join("version"), "what\n").unwrap();
    let failure = refusal(home.dir(), &dir.path().join("run"));
    assert!(failure.message.contains("does not hold a format number"), "{failure}");
}

#[test]
fn a_damaged_id_is_an_error_rather_than_a_new_id() {
    let dir = tempfile::tempdir().unwrap();
    let home = open_home(dir.path());
    fs::write(home.dir().join("id"), "../../etc\n").unwrap();
    let failure = refusal(home.dir(), &dir.path().join("run"));
    assert!(failure.message.ends_with("id does not hold 8 hex digits"), "{failure}");
}

#[test]
fn a_run_folder_too_deep_for_sockets_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let deep = dir.path().join("r".repeat(90));
    let failure = refusal(&dir.path().join("home"), &deep);
    assert!(failure.message.contains("too long for the sockets"), "{failure}");
    assert!(failure.causes[0].contains("107 bytes"), "{failure}");
}

#[test]
fn a_second_server_is_refused_and_told_the_first_ones_pid() {
    let dir = tempfile::tempdir().unwrap();
    let home = open_home(dir.path());
    let held = home.lock().unwrap();
    let failure = home.lock().unwrap_err();
    let pid = format!("(pid {})", std::process::id());
    assert!(failure.message.contains("in use by another xii server"), "{failure}");
    assert!(failure.message.contains(&pid), "{failure}");
    drop(held);
    home.lock().unwrap();
}
