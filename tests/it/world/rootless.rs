//! A world whose server and clients have no privileges.

use super::World;
use std::path::Path;
use std::process::Command;

const NOBODY: u32 = 65_534;

impl World {
    /// Everything in it is run by a user without privileges. Needs root itself.
    pub fn rootless() -> World {
        let mut world = World::without_server();
        world.rootless = true;
        // Where that user may read it.
        std::fs::copy(env!("CARGO_BIN_EXE_xii"), world.folder().join("program")).unwrap();
        world.give_away(world.folder());
        world.up();
        world
    }

    /// Its server finds neither nft nor a cgroup: the least that root can have of the sandbox.
    pub fn without_firewall_and_limits() -> World {
        let world = World::without_server();
        let hide = "mount --bind /bin/false \"$(command -v nft)\" && umount -R -l /sys/fs/cgroup";
        let up = world.command(world.folder(), &["up"]);
        let mut unshare = Command::new("unshare");
        unshare.args(["--mount", "sh", "-c", &format!("{hide} && exec \"$0\" up")]);
        unshare.arg(up.get_program()).current_dir(world.folder()).env_clear();
        unshare.envs(up.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let output = unshare.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        world.up();
        world
    }

    /// A folder becomes the property of the user without privileges.
    pub fn give_away(&self, folder: &Path) {
        let owner = format!("{NOBODY}:{NOBODY}");
        let chown = Command::new("chown").arg("-R").arg(owner).arg(folder).status();
        assert!(chown.unwrap().success());
    }

    pub fn is_rootless(&self) -> bool {
        self.rootless
    }

    pub(super) fn program(&self) -> Command {
        if !self.rootless {
            return Command::new(env!("CARGO_BIN_EXE_xii"));
        }
        let mut command = Command::new("setpriv");
        let user = NOBODY.to_string();
        command.args(["--reuid", &user, "--regid", &user, "--clear-groups"]);
        command.arg(self.folder().join("program"));
        command
    }
}
