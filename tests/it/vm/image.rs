//! A stock Debian 12 with systemd, as a disk to copy, a kernel and an initrd. Made from
//! packages once per recipe and kept below `target/vm`: the next run takes seconds.

use std::path::{Path, PathBuf};
use std::process::Command;
use xii::app::Digest;

/// What a server has, and curl to ask with. The kernel is the one for virtual machines.
const PACKAGES: &str = "systemd-sysv,dbus,procps,linux-image-cloud-amd64,nftables,iproute2,git,python3,\
    python3-venv,ca-certificates,curl";
/// Timers that would work beside the checks, and devices that are not there.
const MASKED: &str = "apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer \
    e2scrub_reap.service";
const SIZE: &str = "6G";
const AGENT: &str = include_str!("agent.py");
const AGENT_UNIT: &str = include_str!("agent.service");

pub struct Image {
    pub disk: PathBuf,
    pub kernel: PathBuf,
    pub initrd: PathBuf,
}

/// The image of this recipe.
pub fn image() -> Image {
    let recipe = [PACKAGES, MASKED, SIZE, AGENT, AGENT_UNIT, HOOK].join("\0");
    let key = Digest::of(recipe.as_bytes()).to_string();
    let folder = folder().join(&key[..16]);
    if !folder.join("disk").exists() {
        make(&folder);
    }
    let [disk, kernel, initrd] = ["disk", "kernel", "initrd"].map(|name| folder.join(name));
    Image { disk, kernel, initrd }
}

pub fn folder() -> PathBuf {
    let target = Path::new(env!("CARGO_BIN_EXE_xii")).ancestors().nth(2).unwrap();
    target.join("vm")
}

const HOOK: &str = r#"
set -e
cp agent.py "$1/usr/local/lib/"
cp agent.service "$1/etc/systemd/system/"
chroot "$1" systemctl --quiet enable agent.service
chroot "$1" systemctl --quiet mask $MASKED
echo vm >"$1/etc/hostname"
echo '127.0.0.1 localhost vm' >"$1/etc/hosts"
: >"$1/etc/machine-id"
"#;

/// In a folder beside, renamed when it is whole.
fn make(folder: &Path) {
    let tmp = folder.with_extension("half");
    let _ = std::fs::remove_dir_all(&tmp);
    std::fs::create_dir_all(&tmp).unwrap();
    for (name, text) in [("agent.py", AGENT), ("agent.service", AGENT_UNIT), ("hook", HOOK)] {
        std::fs::write(tmp.join(name), text).unwrap();
    }
    println!("making the image, for a minute or two");
    let mut command = Command::new("mmdebstrap");
    command.args(["--quiet", "--mode=root", "--variant=minbase"]);
    command.arg(format!("--include={PACKAGES}")).arg("--customize-hook=sh hook \"$1\"");
    run(command.args(["bookworm", "root"]).env("MASKED", MASKED).current_dir(&tmp));
    let script = format!(
        "mv root/boot/vmlinuz-* kernel && mv root/boot/initrd.img-* initrd &&
         PATH=$PATH:/usr/sbin mke2fs -q -t ext4 -d root disk {SIZE} && rm -r root"
    );
    run(Command::new("sh").args(["-c", &script]).current_dir(&tmp));
    std::fs::rename(&tmp, folder).unwrap();
}

pub fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
}
