//! A process whose root is a folder sees that folder and not the host's system.

use crate::stage::{Stage, skip_without_root};
use std::path::Path;
use std::process::Command;
use xii::sandbox::{Mount, Root};

/// A root file system of a shell, a few tools and what they are linked with.
fn small_root(at: &Path) {
    for tool in ["sh", "ls", "cat", "readlink", "id"] {
        let real = std::fs::canonicalize(Path::new("/usr/bin").join(tool)).unwrap();
        put(&real, &at.join("usr/bin").join(tool));
        let ldd = Command::new("ldd").arg(&real).output().unwrap();
        let text = String::from_utf8(ldd.stdout).unwrap();
        for library in text.split_whitespace().filter(|word| word.starts_with('/')) {
            let real = std::fs::canonicalize(library).unwrap();
            put(
                &real,
                &at.join("usr").join(library.trim_start_matches("/usr").trim_start_matches('/')),
            );
        }
    }
    for (link, to) in [("bin", "usr/bin"), ("lib", "usr/lib"), ("lib64", "usr/lib64")] {
        std::os::unix::fs::symlink(to, at.join(link)).unwrap();
    }
    for folder in ["etc/cron.d", "opt/vendor", "srv", "dev", "tmp", "root", "usr/local/share"] {
        std::fs::create_dir_all(at.join(folder)).unwrap();
    }
    for (file, text) in [
        ("etc/passwd", "stack:x:0:0::/:\n"),
        ("etc/shadow", "stack:*:::::::\n"),
        ("etc/resolv.conf", "nameserver 192.0.2.1\n"),
        ("etc/stack", "here\n"),
        ("opt/vendor/file", "vendor\n"),
        ("root/file", "x"),
        ("tmp/file", "x"),
    ] {
        std::fs::write(at.join(file), text).unwrap();
    }
    std::os::unix::fs::symlink("stack", at.join("etc/link")).unwrap();
    crate::stage::open_to_all(at);
}

fn put(from: &Path, to: &Path) {
    std::fs::create_dir_all(to.parent().unwrap()).unwrap();
    std::fs::copy(from, to).unwrap();
}

/// What the command prints in such a root.
fn prints(test: &str, command: &str) -> Option<Vec<String>> {
    if skip_without_root(test) {
        return None;
    }
    let mut stage = Stage::shell(command);
    let root = stage.path().join("root");
    small_root(&root);
    stage.spec.sandbox.root = Root::Folder(root);
    let source = stage.path().join("app");
    stage.spec.sandbox.mounts.push(Mount::ReadOnly { source, target: "/opt/xii/python".into() });
    let (exit, log) = stage.run();
    assert_eq!(exit.status(), 0, "{log}");
    let lines = log.lines().filter_map(|line| line.split_once("app[web.1]: "));
    Some(lines.map(|(_, text)| text.to_string()).collect())
}

#[test]
fn its_system_is_seen_and_the_hosts_is_not() {
    let command = "ls /; ls /usr /usr/bin; cat /etc/stack /etc/link /opt/vendor/file; ls /opt/xii";
    let Some(lines) = prints("its_system_is_seen_and_the_hosts_is_not", command) else { return };
    let top = ["app", "bin", "dev", "etc", "lib", "lib64", "opt", "proc", "srv", "tmp", "usr"];
    let rest = ["/usr:", "bin", "lib", "lib64", "local", "", "/usr/bin:", "cat", "id", "ls"];
    let last = ["readlink", "sh", "here", "here", "vendor", "python"];
    let expected: Vec<&str> = top.into_iter().chain(rest).chain(last).collect();
    let lines: Vec<&str> =
        lines.iter().map(String::as_str).filter(|line| *line != "lib32").collect();
    assert_eq!(lines, expected);
}

#[test]
fn nothing_of_it_can_be_written() {
    let command = "for f in /x /usr/x /usr/bin/x /etc/x /etc/stack /opt/x /opt/vendor/x /srv/x; do
        (echo y > $f) 2>/dev/null && echo wrote $f; done; true";
    let Some(lines) = prints("nothing_of_it_can_be_written", command) else { return };
    assert_eq!(lines, Vec::<String>::new());
}

#[test]
fn users_and_names_are_prepared_and_the_resolver_and_certificates_are_the_hosts() {
    let test = "users_and_names_are_prepared_and_the_resolver_and_certificates_are_the_hosts";
    let command = "id -un; cat /etc/hostname; ls /etc/shadow /tmp 2>/dev/null; ls -d /etc/ssl; \
                   cat /etc/resolv.conf";
    let Some(lines) = prints(test, command) else { return };
    assert_eq!(lines[..2], ["app", "guestbook-web-1"]);
    let ssl = Path::new("/etc/ssl").is_dir();
    let rest = lines[2..].iter().map(String::as_str).filter(|line| *line != "/tmp:");
    let mut expected: Vec<String> = ssl.then(|| "/etc/ssl".to_string()).into_iter().collect();
    let resolver = std::fs::read_to_string("/etc/resolv.conf").unwrap();
    expected.extend(resolver.lines().map(str::to_string));
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    assert_eq!(rest.collect::<Vec<_>>(), expected);
}
