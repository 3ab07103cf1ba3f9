//! Commands somebody watches, and sandboxes without root.

use crate::stage::*;
use std::os::fd::OwnedFd;
use xii::keeper::{Cancel, Output, Stream, records, run_attached};

fn attached(command: &str) -> Stage {
    let mut stage = Stage::shell(command);
    stage.spec.output = Output::Passed;
    stage.spec.attached = true;
    stage
}

#[test]
fn lines_come_as_they_are_written_and_the_exit_code_at_the_end() {
    if skip_without_root("lines_come_as_they_are_written") {
        return;
    }
    let stage = attached("echo one; echo two >&2; printf three; exit 4");
    let mut lines = Vec::new();
    let exit = run_attached(
        xii(),
        &stage.spec,
        &mut |stream, line| lines.push((stream, String::from_utf8_lossy(line).into_owned())),
        &Cancel::new().unwrap(),
    );
    assert_eq!(exit.unwrap().code, Some(4));
    lines.sort_by_key(|(stream, _)| *stream == Stream::Stderr);
    let expected = [("one", false), ("three", false), ("two", true)];
    let found: Vec<_> = lines.iter().map(|(s, l)| (l.as_str(), *s == Stream::Stderr)).collect();
    assert_eq!(found, expected);
    assert!(!stage.spec.record.exists() && !stage.spec.socket.exists());
    assert!(!stage.cgroup().populated());
}

#[test]
fn a_cancelled_command_gets_sigterm_and_its_result_is_told() {
    if skip_without_root("a_cancelled_command_gets_sigterm") {
        return;
    }
    let stage = attached("trap 'echo bye; exit 9' TERM; echo up; while :; do sleep 0.1; done");
    let cancel = Cancel::new().unwrap();
    let mut lines = Vec::new();
    let exit = run_attached(
        xii(),
        &stage.spec,
        &mut |_, line| {
            lines.push(String::from_utf8_lossy(line).into_owned());
            cancel.cancel();
        },
        &cancel,
    );
    assert_eq!(exit.unwrap().code, Some(9));
    // The shell may name what SIGTERM did to its child.
    lines.retain(|line| line != "Terminated");
    assert_eq!(lines, ["up", "bye"]);
}

#[test]
fn a_keeper_that_is_killed_leaves_nothing_of_its_command() {
    if skip_without_root("a_keeper_that_is_killed_leaves_nothing_of_its_command") {
        return;
    }
    let stage = attached("echo up; sleep 1000");
    let mut kill = |_, _: &[u8]| {
        let (_, record) = records(&stage.path().join("records")).unwrap().remove(0);
        crate::world::kill(record.pid, rustix::process::Signal::KILL);
    };
    let failure = run_attached(xii(), &stage.spec, &mut kill, &Cancel::new().unwrap());
    assert!(failure.is_err());
    assert!(!stage.spec.record.exists() && !stage.spec.socket.exists());
    let name = stage.spec.sandbox.cgroup.as_deref().unwrap();
    let (home, last) = name.split_once('/').unwrap();
    let cgroups = xii::sandbox::cgroup::Hierarchies::of_this_machine().list(home);
    assert!(!cgroups.contains(&last.to_string()), "{cgroups:?}");
}

#[test]
fn an_attached_command_ends_when_its_starter_is_gone() {
    if skip_without_root("an_attached_command_ends_when_its_starter_is_gone") {
        return;
    }
    let mut stage = attached("sleep 1000");
    let null = || {
        OwnedFd::from(std::fs::File::options().write(true).read(true).open("/dev/null").unwrap())
    };
    let (read, write) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC).unwrap();
    let mut connection = stage.start_with(Some([null(), null(), null()]), Some(read));
    drop(write);
    assert_eq!(final_exit(&mut connection).signal, Some(15));
    stage.nothing_is_left();
}

#[test]
fn a_starter_that_failed_to_start_leaves_nothing_and_says_why() {
    if skip_without_root("a_starter_that_failed_to_start_leaves_nothing") {
        return;
    }
    let mut stage = Stage::shell("true");
    let blocked = stage.path().join("file");
    std::fs::write(&blocked, "").unwrap();
    stage.spec.output = Output::Log { dir: blocked, label: "app[web.1]".into() };
    let failure = xii::keeper::start(xii(), &stage.spec, None, None).unwrap_err();
    assert!(
        failure.to_string().contains("cannot start web.1 of guestbook/production"),
        "{failure}"
    );
    assert!(!stage.spec.socket.exists() && !stage.spec.record.exists());
    let name = stage.spec.sandbox.cgroup.clone().unwrap();
    let (home, last) = name.split_once('/').unwrap();
    let left = xii::sandbox::cgroup::Hierarchies::of_this_machine().list(home);
    assert!(!left.contains(&last.to_string()));
}

const NOBODY: u32 = 65_534;

/// Starts the keeper as nobody, through the binary, as a user without root would.
#[test]
fn without_root_a_user_namespace_does_most_of_it() {
    let test = "without_root_a_user_namespace_does_most_of_it";
    if skip_without_root(test) {
        return;
    }
    let isolation = xii::sandbox::probe(xii(), None);
    if isolation.level.is_none() {
        eprintln!("SKIP {test}: no namespaces at all: {isolation:?}");
        return;
    }
    let script = "id -u; id -un; ls /; ls /proc | grep -c '^[0-9]'; echo x > /tmp/x; \
                  echo $$; head -c 1 /dev/urandom | wc -c; [ -e /root ] && echo root; [ -e /proc/1 ] && echo keeper; \
                  grep -q 'CapBnd:.*0000000000000000' /proc/self/status || echo caps; exit 6";
    let mut stage = Stage::shell(script);
    stage.spec.sandbox.level = xii::sandbox::Level::UserNamespace;
    stage.spec.sandbox.cgroup = None;
    stage.spec.sandbox.user = xii::sandbox::User { uid: 70_000, gid: 70_000 };
    for folder in [".", "records", "app"] {
        let path = stage.path().join(folder);
        std::os::unix::fs::chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    }
    // A place nobody can reach, wherever the build is.
    let exe = stage.path().join("xii");
    std::fs::copy(xii(), &exe).unwrap();
    let id = NOBODY.to_string();
    let spec = serde_json::to_vec(&stage.spec).unwrap();
    let words = ["--reuid", &id, "--regid", &id, "--clear-groups", exe.to_str().unwrap(), "keeper"];
    let output = xii::sandbox::process::run_tool("setpriv", &words, &spec).unwrap();
    let report = String::from_utf8(output.stdout).unwrap();
    if report.contains("unshare user") {
        eprintln!("SKIP {test}: {report}");
        return;
    }
    assert!(report.contains("pid"), "{report}");
    let result = wait_until("a result", || {
        records(&stage.path().join("records")).unwrap().pop().and_then(|(_, r)| r.result)
    });
    let log = stage.log();
    assert_eq!(result.code, Some(6), "{log} {result:?}");
    let lines: Vec<&str> =
        log.lines().filter_map(|line| Some(line.split_once("app[web.1]: ")?.1)).collect();
    assert_eq!(lines[..2], ["70000", "app"], "{log}");
    for forbidden in ["root", "keeper", "caps"] {
        assert!(!lines.contains(&forbidden), "{log}");
    }
    assert_eq!(lines.last(), Some(&"1"), "{log}");
    wait_until("the keeper to end", || (!stage.spec.socket.exists()).then_some(()));
}
