//! What a stack is for: the host may be changed below a release, and the release does not
//! notice.

use crate::stage::{skip_without_root, xii};
use crate::world::{World, is_alive, kill};
use rustix::process::Signal;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const WEB: &str = r#"
import http.server, itsdangerous, os, sys

class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        said = f"{sys.version} | {sys.prefix} | {itsdangerous.__file__} | {os.environ.get('HUE', 'red')}"
        self.send_response(200)
        self.send_header("Content-Length", str(len(said.encode())))
        self.end_headers()
        self.wfile.write(said.encode())

http.server.HTTPServer(("", int(os.environ["PORT"])), Page).serve_forever()
"#;

const APP: &[(&str, &str)] = &[
    ("Procfile", "web: python web.py\n"),
    ("requirements.txt", "itsdangerous==2.2.0\n"),
    ("web.py", WEB),
    ("xii.toml", "stack = \"debian-12\"\n"),
];

/// Covers every Python of the host, in the mounts of this shell alone, and becomes the server.
const HIDDEN: &str = "set -e
for folder in /usr/lib/python3*; do
    test ! -d \"$folder\" || mount -t tmpfs -o ro none \"$folder\"
done
for program in /usr/bin/python3* /usr/local/bin/python3*; do
    test ! -f \"$program\" || test -L \"$program\" || mount --bind /dev/null \"$program\"
done
! python3 -c '' 2>/dev/null
exec \"$0\" server";

/// A server in mounts of its own; ended with the test.
struct Hidden(Child);

impl Hidden {
    fn begin(world: &World) -> Hidden {
        let outside = world.command(world.folder(), &[]);
        let mut command = Command::new("unshare");
        command.env_clear().current_dir(world.folder()).stdin(Stdio::null());
        command.envs(outside.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.args(["-m", "--propagation", "private", "sh", "-c", HIDDEN]).arg(xii());
        let server = Hidden(command.stdout(Stdio::null()).spawn().unwrap());
        world.until("the server without a Python answers", || {
            let said = world.xii(&["status", "--json"]);
            let pid = (said.code == 0).then(|| said.json()["server"]["pid"].as_u64())??;
            (pid == u64::from(server.0.id())).then_some(())
        });
        // Finds that it is up, and where its router listens now.
        world.up();
        server
    }

    /// What this path is to the server and all it starts.
    fn seen(&self, path: &Path) -> PathBuf {
        let path = path.strip_prefix("/").unwrap();
        Path::new("/proc").join(self.0.id().to_string()).join("root").join(path)
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        let pid = i32::try_from(self.0.id()).unwrap();
        if is_alive(pid) {
            kill(pid, Signal::TERM);
        }
        let _ = self.0.wait();
    }
}

#[test]
#[ignore = "makes two stacks: minutes"]
fn a_release_on_debian_12_does_not_notice_what_becomes_of_the_hosts_python() {
    if skip_without_root("a_release_on_debian_12_does_not_notice_what_becomes_of_the_hosts_python")
    {
        return;
    }
    let world = World::new();
    let app = world.checkout("clock", APP);
    let _ = app.xii(&["deploy"]).ok();
    let red = app.body("/");
    assert!(red.starts_with("3.11.") && red.contains("/app/.venv"), "{red}");
    let _ = app.xii(&["config", "set", "HUE=blue"]).ok();
    let blue = app.body("/");
    assert_eq!(blue, red.replace("red", "blue"));

    let _ = world.xii(&["down"]).ok();
    let mut server = Hidden::begin(&world);
    no_python_is_left(&server);
    world.until("the app is back", || (world.get(&app.host(), "/").body == blue).then_some(()));
    let _ = app.xii(&["restart"]).ok();
    assert_eq!(app.body("/"), blue);
    let _ = app.xii(&["scale", "web=2"]).ok();
    assert_eq!(world.ps("clock").len(), 2);
    (0..6).for_each(|_| assert_eq!(app.body("/"), blue));
    let said = app.xii(&["run", "python", "--version"]).ok().out;
    assert_eq!(said.trim(), format!("Python {}", red.split(' ').next().unwrap()));

    let note = "identical to v1; debian-12 unchanged";
    let _ = app.xii(&["rollback", "v1"]).ok().says(&[note]);
    (0..6).for_each(|_| assert_eq!(app.body("/"), red));

    // And the next release needs nothing of the host's either.
    app.commit(&[("web.py", &WEB.replace("sys.prefix", "'new'"))]);
    let _ = app.xii(&["deploy"]).ok();
    assert!(app.body("/").contains(" | new | "), "{}", app.body("/"));
    let _ = world.xii(&["down"]).ok();
    assert_eq!(server.0.wait().unwrap().signal(), None);
    drop(server);
    world.leave();
}

fn no_python_is_left(server: &Hidden) {
    for minor in 7..30 {
        let program = PathBuf::from(format!("/usr/bin/python3.{minor}"));
        assert!(!server.seen(&program).is_file(), "{}", program.display());
        let library = server.seen(Path::new(&format!("/usr/lib/python3.{minor}/os.py")));
        assert!(!library.exists(), "{}", library.display());
    }
}
