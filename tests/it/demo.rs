//! `xii demo` from its first line to its last, in a home of its own.

use crate::stage::{skip_without_root, xii};
use std::path::Path;
use std::process::{Command, Output, Stdio};

struct World {
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> World {
        World { folder: tempfile::tempdir().unwrap() }
    }

    /// `program`, in an environment that knows nothing of the machine but its tools.
    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command.env("HOME", self.folder.path());
        command.env("XII_HOME", self.folder.path().join("home"));
        command.current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    /// What a demo that ended well has said, on stdout and on stderr.
    fn ended_well(&self, output: &Output) -> (String, String) {
        let out = String::from_utf8_lossy(&output.stdout).into_owned();
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        let log = std::fs::read_to_string(self.folder.path().join("home/server.log"));
        assert_eq!(output.status.code(), Some(0), "{out}\n{err}\n{log:?}");
        assert_eq!(out.matches('✓').count(), 3, "three receipts:\n{out}");
        assert!(err.contains("requests during both changes, none failed"), "{err}");
        (out, err)
    }

    /// Neither a server nor anything it started is there.
    fn nothing_is_left(&self) {
        let status = self.command(xii()).arg("status").output().unwrap();
        assert_eq!(status.status.code(), Some(1), "the server has gone");
        let id = std::fs::read_to_string(self.folder.path().join("home/id")).unwrap();
        assert!(!Path::new("/run/xii").join(id.trim()).exists(), "its sockets have gone");
        let group = format!("xii-{}", id.trim());
        for hierarchy in ["", "unified", "pids", "memory", "cpu"] {
            let folder = Path::new("/sys/fs/cgroup").join(hierarchy).join(&group);
            let folders = std::fs::read_dir(&folder).into_iter().flatten().flatten();
            let left = folders.filter(|entry| entry.path().is_dir()).count();
            assert_eq!(left, 0, "cgroups in {}", folder.display());
        }
    }
}

fn python_makes_venvs() -> bool {
    let tried = Command::new("/usr/bin/python3").args(["-c", "import venv, ensurepip"]).output();
    tried.is_ok_and(|tried| tried.status.success())
}

#[test]
fn the_demo_shows_the_guestbook_where_there_is_python() {
    if !python_makes_venvs() {
        let test = "the_demo_shows_the_guestbook_where_there_is_python";
        eprintln!("SKIP {test}: needs python3 with venv");
        return;
    }
    let world = World::new();
    let output = world.command(xii()).arg("demo").output().unwrap();
    let (out, err) = world.ended_well(&output);
    assert!(out.contains("guestbook/production v1 → v2 deployed in "), "{out}");
    assert!(out.contains("guestbook/production v2 → v3 rolled back in "), "{out}");
    assert!(err.contains("the page answers, and says \"second edition\""), "{err}");
    world.nothing_is_left();
}

/// In a mount namespace of its own, where what `venv` needs is hidden.
#[test]
fn the_demo_shows_the_static_page_where_python_makes_no_venv() {
    if skip_without_root("the_demo_shows_the_static_page_where_python_makes_no_venv") {
        return;
    }
    let world = World::new();
    let script = "for dir in /usr/lib/python3*/ensurepip; do
        test -d $dir && mount -t tmpfs none $dir
    done
    exec \"$0\" demo";
    let mut command = world.command(Path::new("unshare"));
    let output = command.args(["--mount", "sh", "-c", script]).arg(xii()).output().unwrap();
    let (out, err) = world.ended_well(&output);
    assert!(err.contains("the static example takes its place"), "{err}");
    assert!(out.contains("static/production v2 → v3 rolled back in "), "{out}");
    world.nothing_is_left();
}
