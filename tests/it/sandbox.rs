//! What a process in a full sandbox can see and do.

use crate::stage::{Stage, skip_without_root};

/// Runs a shell command that prints nothing when all is well.
fn prints(test: &str, command: &str) -> Option<Vec<String>> {
    if skip_without_root(test) {
        return None;
    }
    let (exit, log) = Stage::shell(command).run();
    assert_eq!(exit.status(), 0, "{log}");
    Some(own_lines(&log))
}

fn own_lines(log: &str) -> Vec<String> {
    let lines = log.lines().filter(|line| !line.contains("xii[web.1]"));
    lines
        .map(|line| line.split_once("app[web.1]: ").map_or(line, |(_, text)| text).to_string())
        .collect()
}

#[test]
fn the_app_is_pid_2_and_sees_only_its_own_processes() {
    let command = "echo $$; for p in /proc/[0-9]*; do echo ${p#/proc/}; done; cat /proc/1/environ";
    let Some(lines) = prints("the_app_is_pid_2", &format!("{command} 2>&1; true")) else { return };
    assert_eq!(lines[..2], ["2", "2"], "{lines:?}");
    assert!(lines[2].contains("cannot open") || lines[2].contains("No such file"), "{lines:?}");
}

#[test]
fn the_environment_is_exactly_what_was_given() {
    if skip_without_root("the_environment_is_exactly_what_was_given") {
        return;
    }
    let mut stage = Stage::new(&["/usr/bin/env"]);
    stage.spec.env.set("GREETING", "hello\nworld");
    let (_, log) = stage.run();
    assert_eq!(own_lines(&log), ["GREETING=hello", "world", "PATH=/usr/bin:/bin"]);
}

#[test]
fn nothing_of_the_host_can_be_written_or_read() {
    let command = "for f in /app/x /usr/x /etc/x /x /dev/x /proc/sys/kernel/hostname; do
            (echo y > $f) 2>/dev/null && echo wrote $f; done
        for f in /root /home /var /sys /run /boot /etc/shadow /dev/vda /dev/mem /dev/kmsg; do
            [ -e $f ] && echo sees $f; done; true";
    let Some(lines) = prints("nothing_of_the_host", command) else { return };
    assert_eq!(lines, Vec::<String>::new());
}

#[test]
fn the_user_is_named_app_and_has_no_privilege() {
    let command = "id -un; id -u; id -G; grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status";
    let Some(lines) = prints("the_user_is_named_app", command) else { return };
    assert_eq!(lines[0], "app");
    assert!(lines[1].starts_with("96"), "{lines:?}");
    assert_eq!(lines[1], lines[2]);
    let caps = lines.iter().filter(|line| line.starts_with("Cap"));
    assert_eq!(caps.filter(|line| line.ends_with("\t0000000000000000")).count(), 5, "{lines:?}");
    assert!(lines.contains(&"NoNewPrivs:\t1".to_string()), "{lines:?}");
    assert!(lines.contains(&"Seccomp:\t2".to_string()), "{lines:?}");
}

#[test]
fn tmp_shm_devices_names_and_times_work() {
    let command = "echo x > /tmp/a && echo x > /dev/shm/a && echo x > /dev/null
        [ -c /dev/urandom ] && head -c 4 /dev/urandom | wc -c
        cat /etc/hostname; hostname; getent hosts localhost | head -1 | wc -l
        [ \"$(readlink /etc/resolv.conf || cat /etc/resolv.conf)\" ] && echo resolv
        touch /tmp/b; stat -c %a /tmp; readlink /dev/stdout; ls /proc/self/fd | wc -l";
    let Some(lines) = prints("tmp_shm_devices", command) else { return };
    let expected =
        ["4", "guestbook-web-1", "guestbook-web-1", "1", "resolv", "1777", "/proc/self/fd/1", "4"];
    assert_eq!(lines, expected);
}

const REFUSED: &str = r#"
import ctypes, errno, threading
libc = ctypes.CDLL(None, use_errno=True)
def refused(name, want, *call):
    ctypes.set_errno(0)
    got = libc.syscall(*call)
    e = ctypes.get_errno()
    if got != -1 or e != want: print(name, got, e)
refused("mount", errno.EPERM, 165, b"none", b"/tmp", b"tmpfs", 0, None)
refused("unshare user", errno.EPERM, 272, 0x10000000)
refused("clone user", errno.EPERM, 56, 0x10000000 | 17, 0, 0, 0, 0)
refused("clone3", errno.ENOSYS, 435, None, 0)
refused("ptrace", errno.EPERM, 101, 0, 0, 0, 0)
refused("keyctl", errno.EPERM, 250, 0, -3, 0)
refused("bpf", errno.EPERM, 321, 0, None, 0)
refused("io_uring_setup", errno.EPERM, 425, 1, None)
refused("x32 getpid", errno.ENOSYS, 0x40000000 + 39)
refused("personality", errno.EPERM, 135, 0x0400000)
refused("vsock", errno.EPERM, 41, 40, 1, 0)
refused("tiocsti", errno.EPERM, 16, 0, 0x5412, b"x")
if libc.syscall(135, 0xffffffff) == -1: print("personality query")
if libc.syscall(135, 0x40000) == -1: print("no randomisation")
import socket
for kill in (lambda: __import__("os").kill(1, 9),):
    try:
        kill(); print("signalled pid 1")
    except PermissionError: pass
t = threading.Thread(target=lambda: print("thread")); t.start(); t.join()
import subprocess; print(subprocess.run(["echo", "child"], capture_output=True).stdout.decode().strip())
"#;

#[test]
fn escapes_are_refused_and_python_threads_and_children_work() {
    let test = "escapes_are_refused_and_python_threads_and_children_work";
    if skip_without_root(test) || !std::path::Path::new("/usr/bin/python3").exists() {
        eprintln!("SKIP {test}: needs /usr/bin/python3");
        return;
    }
    let (exit, log) = Stage::new(&["/usr/bin/python3", "-c", REFUSED]).run();
    assert_eq!(own_lines(&log), ["thread", "child"], "{log}");
    assert_eq!(exit.code, Some(0));
}

#[test]
fn a_program_that_is_not_there_is_named() {
    if skip_without_root("a_program_that_is_not_there_is_named") {
        return;
    }
    let (exit, log) = Stage::new(&["gunicorn"]).run();
    assert_eq!(exit.code, Some(127), "{log}");
    let reason = exit.reason.unwrap();
    assert!(reason.starts_with("run gunicorn: No such file"), "{reason}");
    assert!(log.contains("Could not start the process: run gunicorn"), "{log}");
}

#[test]
fn a_failing_step_is_named_with_its_cause() {
    if skip_without_root("a_failing_step_is_named_with_its_cause") {
        return;
    }
    let mut stage = Stage::shell("true");
    let source = "/nonexistent/build".into();
    stage.spec.sandbox.mounts.push(xii::sandbox::Mount::ReadOnly { source, target: "/b".into() });
    let (exit, _) = stage.run();
    let reason = exit.reason.unwrap();
    assert_eq!(reason, "open /nonexistent/build: No such file or directory (os error 2)");
}

#[test]
fn a_link_in_the_app_leads_no_mount_outside() {
    if skip_without_root("a_link_in_the_app_leads_no_mount_outside") {
        return;
    }
    let mut stage = Stage::shell("ls /etc/passwd; echo x > /app/tmp/x; true");
    let outside = stage.path().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::os::unix::fs::symlink(&outside, stage.path().join("app/tmp")).unwrap();
    let target = "/app/tmp".into();
    stage.spec.sandbox.mounts.push(xii::sandbox::Mount::Scratch { target, bytes: 1 << 20 });
    let mut connection = stage.start();
    crate::stage::final_exit(&mut connection);
    stage.nothing_is_left();
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
}

#[test]
fn scratch_is_private_bounded_and_the_apps_own() {
    if skip_without_root("scratch_is_private_bounded_and_the_apps_own") {
        return;
    }
    let mut stage = Stage::shell(
        "echo x > /app/tmp/x && head -c 9000000 /dev/zero > /app/tmp/big 2>/dev/null || echo full",
    );
    std::fs::create_dir(stage.path().join("app/tmp")).unwrap();
    let target = "/app/tmp".into();
    stage.spec.sandbox.mounts.push(xii::sandbox::Mount::Scratch { target, bytes: 1 << 20 });
    let inside = stage.path().join("app/tmp");
    let mut connection = stage.start();
    crate::stage::final_exit(&mut connection);
    assert_eq!(own_lines(&stage.log()), ["full"]);
    assert_eq!(std::fs::read_dir(inside).unwrap().count(), 0);
    stage.nothing_is_left();
}

#[test]
fn this_machine_is_probed_by_doing() {
    let isolation = xii::sandbox::probe(crate::stage::xii(), None);
    eprintln!("{isolation:?}");
    assert!(isolation.level.is_some() || !isolation.missing.is_empty());
    if rustix::process::geteuid().is_root() && isolation.level.is_none() {
        assert!(isolation.missing.iter().all(|missing| !missing.why.is_empty()));
    }
}
