//! The programs xii is compared with, each configured to do as much of the same work as it can.

use serde_json::json;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Namespaces and mounts, but no cgroup, no other uid, no seccomp.
pub struct Bubblewrap {
    folder: PathBuf,
}

impl Bubblewrap {
    pub fn new(program: &Path) -> Bubblewrap {
        Bubblewrap { folder: program.parent().unwrap().to_path_buf() }
    }

    pub fn command(&self) -> Command {
        let mut command = Command::new("bwrap");
        command.args(["--ro-bind", "/usr", "/usr", "--symlink", "usr/bin", "/bin"]);
        command.args(["--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64"]);
        command.args(["--ro-bind", "/etc", "/etc"]).arg("--ro-bind").arg(&self.folder).arg("/app");
        command.args(["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]);
        command.args(["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]);
        command.args(["--new-session", "--chdir", "/app", "/app/first", "end"]);
        command
    }
}

/// The calls that a sandbox of xii refuses, for crun's filter.
const REFUSED: &[&str] = &[
    "mount",
    "umount2",
    "pivot_root",
    "move_mount",
    "open_tree",
    "fsopen",
    "fsconfig",
    "fsmount",
    "fspick",
    "mount_setattr",
    "chroot",
    "setns",
    "unshare",
    "ptrace",
    "process_vm_readv",
    "process_vm_writev",
    "bpf",
    "perf_event_open",
    "keyctl",
    "add_key",
    "request_key",
    "userfaultfd",
    "kexec_load",
    "kexec_file_load",
    "init_module",
    "finit_module",
    "delete_module",
    "reboot",
    "swapon",
    "swapoff",
    "settimeofday",
    "clock_settime",
    "adjtimex",
    "iopl",
    "ioperm",
    "open_by_handle_at",
    "io_uring_setup",
    "io_uring_enter",
    "io_uring_register",
    "quotactl",
    "acct",
    "syslog",
];

/// An OCI bundle with the namespaces, limits, user and filter of an instance.
pub struct Crun {
    bundle: PathBuf,
}

impl Crun {
    pub fn new(folder: &Path, program: &Path) -> Crun {
        let bundle = folder.join("bundle");
        root_with(&bundle.join("rootfs"), program);
        let spaces = ["pid", "mount", "ipc", "uts", "cgroup"].map(|kind| json!({"type": kind}));
        let none: [&str; 0] = [];
        let capabilities = json!({
            "bounding": none, "effective": none, "permitted": none, "inheritable": none, "ambient": none
        });
        let config = json!({
            "ociVersion": "1.0.0",
            "process": {
                "args": ["/first", "end"], "cwd": "/", "env": ["PATH=/usr/bin:/bin"],
                "user": {"uid": 96000, "gid": 96000}, "noNewPrivileges": true,
                "capabilities": capabilities
            },
            "root": {"path": "rootfs", "readonly": true},
            "hostname": "first",
            "mounts": [
                {"destination": "/proc", "type": "proc", "source": "proc"},
                {"destination": "/usr", "type": "bind", "source": "/usr", "options": ["rbind", "ro"]},
                {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "nodev"]},
                {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]}
            ],
            "linux": {
                "namespaces": spaces,
                "resources": {"memory": {"limit": 512 << 20}, "pids": {"limit": 1024}},
                "seccomp": {
                    "defaultAction": "SCMP_ACT_ALLOW",
                    "architectures": ["SCMP_ARCH_X86_64"],
                    "syscalls": [{"names": REFUSED, "action": "SCMP_ACT_ERRNO"}]
                }
            }
        });
        std::fs::write(bundle.join("config.json"), config.to_string()).unwrap();
        Crun { bundle }
    }

    pub fn without_limits(self) -> Crun {
        let file = self.bundle.join("config.json");
        let text = std::fs::read_to_string(&file).unwrap();
        let mut config: serde_json::Value = serde_json::from_str(&text).unwrap();
        config["linux"]["resources"] = json!({});
        std::fs::write(file, config.to_string()).unwrap();
        self
    }

    pub fn command(&self) -> Command {
        let mut command = Command::new("crun");
        command.arg("--cgroup-manager=cgroupfs").args(["run", "--bundle"]).arg(&self.bundle);
        command.arg(format!("xii-bench-{}", std::process::id()));
        command
    }
}

/// Without a network of its own: xii's instances have none, either.
pub struct Podman {
    root: PathBuf,
}

impl Podman {
    pub fn new(folder: &Path, program: &Path) -> Podman {
        let root = folder.join("podman");
        root_with(&root, program);
        Podman { root }
    }

    /// Starts it, waits for its end and forgets it.
    pub fn command(&self) -> Command {
        let mut command = self.run(&["--rm", "--log-driver=none"]);
        command.arg(&self.root).args(["/first", "end"]);
        command
    }

    /// Starts one that stays, and keeps its log.
    pub fn detached(&self, name: &str) -> Command {
        let mut command = self.run(&["--detach", "--name", name, "--log-driver=k8s-file"]);
        command.arg(&self.root).arg("/first");
        command
    }

    pub fn podman(words: &[&str]) -> Command {
        let mut command = Command::new("podman");
        command.args(["--cgroup-manager=cgroupfs", "--runtime=crun"]).args(words);
        command
    }

    fn run(&self, words: &[&str]) -> Command {
        let mut command = Podman::podman(&["run"]);
        command.args(words);
        command.args([
            "--network=host",
            "--ulimit=nofile=1024:1024",
            "--ulimit=nproc=1024:1024",
            "--memory=512m",
        ]);
        command.args(["--pids-limit=1024", "--read-only", "--user=96000"]);
        command.arg("--rootfs");
        command
    }
}

fn root_with(root: &Path, program: &Path) {
    for folder in ["proc", "usr", "tmp", "dev", "sys", "etc", "run"] {
        std::fs::create_dir_all(root.join(folder)).unwrap();
    }
    std::fs::copy(program, root.join("first")).unwrap();
}
