//! Whole builds with real tools in a real sandbox.

use super::*;
use crate::app::{AppName, Failure, ManifestTexts, Manifests};
use crate::sandbox::{Mount, User};
use crate::store::Home;
use std::path::Path;
use std::sync::atomic::AtomicBool;

fn chrooted(command: &Confined, line: &mut dyn FnMut(&str)) -> Result<i32, Failure> {
    use std::io::BufRead;
    let root = tempfile::tempdir().unwrap();
    let mut script = format!(
        "exec 2>&1; set -e; cd {r}; mount -t tmpfs none .; for d in usr etc proc dev; do mkdir $d; mount --rbind /$d $d; done; for l in bin sbin lib lib64; do ln -s usr/$l $l; done; mkdir -m 1777 tmp;",
        r = root.path().display()
    );
    for mount in &command.mounts {
        let (Mount::ReadOnly { source, target } | Mount::ReadWrite { source, target }) = mount
        else {
            panic!()
        };
        script += &format!(
            "mkdir -p .{t}; mount --bind {s} .{t};",
            t = target.display(),
            s = source.display()
        );
    }
    script += &format!(
        "exec chroot --userspec=70001:70001 . sh -c 'cd \"$1\"; shift; exec \"$@\"' - {} \"$@\"",
        command.cwd.display()
    );
    let mut child = std::process::Command::new("unshare")
        .args(["-m", "bash", "-c", &script, "-"])
        .args(&command.argv)
        .env_clear()
        .envs(&command.env)
        .env("PATH", command.env["PATH"].clone() + ":/usr/sbin")
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    for text in std::io::BufReader::new(child.stdout.take().unwrap()).lines() {
        line(&text.unwrap());
    }
    Ok(child.wait().unwrap().code().unwrap_or(-1))
}

struct World {
    _dir: tempfile::TempDir,
    home: Home,
    app: AppName,
}

const USER: User = User { uid: 70001, gid: 70001 };

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::open(&dir.path().join("home"), &dir.path().join("run")).unwrap();
        World { _dir: dir, home, app: "guestbook".parse().unwrap() }
    }

    fn build(&self, files: &[(&str, &str)], texts: ManifestTexts) -> Result<Build, Failure> {
        let workspace = Workspace::new(&self.home)?;
        for (path, text) in files {
            std::fs::write(workspace.source().join(path), text).unwrap();
        }
        let tree = Tree::read(&workspace.source())?;
        let available = Toolchains::find("/root/.pyenv/shims").probe(&mut chrooted)?;
        let plan = plan(&tree, &Manifests::parse(&texts).unwrap(), &available)?;
        let cancelled = AtomicBool::new(false);
        let request = Request {
            home: &self.home,
            app: &self.app,
            plan: &plan,
            workspace,
            user: Some(USER),
            source_date_epoch: 0,
            cancelled: &cancelled,
        };
        build(&request, &mut chrooted, &mut |event| eprintln!("{event}"))
    }
}

fn procfile() -> ManifestTexts {
    ManifestTexts { procfile: Some("web: python app.py".into()), ..ManifestTexts::default() }
}

#[test]
fn real_python() {
    for version in ["3.12", "3.13"] {
        let files = [
            ("requirements.txt", "six==1.16.0\nmarkupsafe==3.0.2\n"),
            (".python-version", version),
            ("app.py", "import six\nprint({1,2,'x'} in ({1},))\n"),
        ];
        let world = World::new();
        let one = world.build(&files, procfile()).unwrap();
        let two = world.build(&files, procfile()).unwrap();
        let other = World::new();
        let three = other.build(&files, procfile()).unwrap();
        assert_eq!(one.digest, two.digest);
        if one.digest != three.digest {
            let _ = std::process::Command::new("cp")
                .arg("-a")
                .arg(world.home.stacks())
                .arg(other.home.stacks())
                .arg("/tmp/bdiff/")
                .status();
            let _ = std::process::Command::new("sh")
                .arg("-c")
                .arg(format!(
                    "mkdir -p /tmp/bdiff; cp -a {} /tmp/bdiff/a; cp -a {} /tmp/bdiff/b",
                    world.home.stacks().display(),
                    other.home.stacks().display()
                ))
                .status();
            let _ = std::process::Command::new("diff")
                .args(["-rq"])
                .arg(world.home.build(&one.digest))
                .arg(other.home.build(&three.digest))
                .status();
            panic!("differs");
        }
        let _ = Path::new("");
    }
}
