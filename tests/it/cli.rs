//! The command line as a process: what it prints where, and how it exits. Nothing of the
//! machine leaks in: the environment is empty and the home is a fresh folder.

use crate::stage::xii;
use std::io::Read;
use std::process::{Command, Output, Stdio};

struct World {
    home: tempfile::TempDir,
}

impl World {
    fn new() -> World {
        World { home: tempfile::tempdir().unwrap() }
    }

    fn command(&self, line: &str) -> Command {
        let mut command = Command::new(xii());
        command.args(line.split_whitespace()).current_dir(self.home.path()).env_clear();
        command.env("PATH", "/usr/bin:/bin").env("HOME", self.home.path());
        command.env("XII_HOME", self.home.path().join("xii")).stdin(Stdio::null());
        command
    }

    fn run(&self, line: &str) -> Output {
        self.command(line).output().unwrap()
    }

    /// Standard error, with the home's path as `HOME`.
    fn complaint(&self, output: &Output) -> String {
        let text = String::from_utf8_lossy(&output.stderr);
        text.replace(&self.home.path().display().to_string(), "HOME")
    }
}

#[test]
fn without_a_server_every_command_says_how_to_start_one() {
    let world = World::new();
    for line in ["ps", "status", "apps", "logs", "config", "releases -a shop", "run -a shop ls"] {
        let output = world.run(line);
        assert_eq!(output.status.code(), Some(1), "{line}");
        assert!(output.stdout.is_empty(), "{line}");
        assert_eq!(
            world.complaint(&output),
            "error: no xii server is running\n  \
             because no server was ever started in HOME/xii\n  \
             next: xii up --home HOME/xii\n",
            "{line}"
        );
    }
}

#[test]
fn down_without_a_server_is_done() {
    let world = World::new();
    let output = world.run("down");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(world.complaint(&output), "xii is not up\n");
}

#[test]
fn wrong_use_is_exit_code_2() {
    let world = World::new();
    for line in [
        "",
        "pps",
        "scale --wobble",
        "ps -a My_App",
        "ps -a a/b/c",
        "rollback v0",
        "rollback latest",
        "config set",
        "releases diff v1",
        "run",
        "run:detached ls",
        "demo --example other",
        "logs -n many",
    ] {
        let output = world.run(line);
        assert_eq!(output.status.code(), Some(2), "xii {line}");
        assert!(output.stdout.is_empty(), "xii {line}");
        assert!(!output.stderr.is_empty(), "xii {line}");
    }
}

#[test]
fn a_config_value_is_never_repeated_by_an_error() {
    let world = World::new();
    for line in ["config set 1X=hunter2", "config set =hunter2", "config:set A=1 B-C=hunter2"] {
        let output = world.run(line);
        assert_eq!(output.status.code(), Some(2), "xii {line}");
        assert!(!world.complaint(&output).contains("hunter2"), "{}", world.complaint(&output));
    }
}

#[test]
fn a_key_without_a_value_is_not_asked_for_where_there_is_no_terminal() {
    let world = World::new();
    let plain = world.command("config set SECRET");
    // A session without a terminal, also when the tests are run on one.
    let output = Command::new("setsid")
        .args(["--wait", xii().to_str().unwrap(), "config", "set", "SECRET"])
        .env_clear()
        .envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let complaint = world.complaint(&output);
    assert!(complaint.starts_with("error: SECRET has no value\n"), "{complaint}");
    assert!(complaint.ends_with("next: xii config set SECRET=VALUE\n"), "{complaint}");
}

#[test]
fn bad_settings_are_all_named_before_anything_is_done() {
    let world = World::new();
    let mut command = world.command("ps");
    let output = command.env("XII_HTTP", "8080").env("XII_LOG", "loud").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        world.complaint(&output),
        "error: the environment has settings that cannot be used\n  \
         because XII_HTTP is \"8080\"; expected an address and a port, such as 127.0.0.1:8080\n  \
         because XII_LOG is \"loud\"; expected error or warn or info or debug\n"
    );
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    let world = World::new();
    let mut command = world.command("completions bash");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let mut complaint = String::new();
    child.stderr.take().unwrap().read_to_string(&mut complaint).unwrap();
    assert_eq!((child.wait().unwrap().code(), complaint.as_str()), (Some(0), ""));
}

#[test]
fn completions_know_the_commands() {
    let world = World::new();
    for shell in ["bash", "zsh", "fish"] {
        let script = String::from_utf8(world.run(&format!("completions {shell}")).stdout).unwrap();
        for verb in ["deploy", "rollback", "releases"] {
            assert!(script.contains(verb), "{shell}: {verb}");
        }
        assert!(!script.contains("keep-router"), "what no user types is not completed");
    }
}

#[test]
fn a_deploy_outside_a_repository_says_what_to_do() {
    let world = World::new();
    let (socket, _server) = silent_server(&world);
    let output = world.run(&format!("deploy --server {socket}"));
    assert_eq!(output.status.code(), Some(2));
    let complaint = world.complaint(&output);
    assert!(complaint.contains("error: HOME is not in a git repository\n"), "{complaint}");
    assert!(complaint.contains("next: git init"), "{complaint}");
}

/// A socket that takes connections.
fn silent_server(world: &World) -> (String, std::os::unix::net::UnixListener) {
    let socket = world.home.path().join("s");
    let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    (socket.display().to_string(), listener)
}
