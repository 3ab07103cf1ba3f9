//! A sandbox as plain data: it crosses a pipe to the process that builds it.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// How much of the machine a sandbox keeps from its process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Without root: a user namespace with one mapped user; no limits, no own uid, no firewall.
    UserNamespace,
    /// Namespaces, own uid, cgroup limits, seccomp and the loopback firewall.
    Full,
}

/// Everything the process of an instance, a build or a one-off may see and use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sandbox {
    pub level: Level,
    pub root: Root,
    /// On top of the root, in this order.
    pub mounts: Vec<Mount>,
    pub user: User,
    pub hostname: String,
    /// Absolute, inside the sandbox.
    pub cwd: PathBuf,
    pub limits: Limits,
    /// Name of the cgroup, two levels at most, below the mount points of the hierarchies:
    /// `xii-1a2b3c4d/17`. `None`: no cgroup is made.
    pub cgroup: Option<String>,
    /// The cgroup must not be without a guard on its ports: this machine has shown that it can
    /// have one.
    #[serde(default)]
    pub guarded: bool,
}

/// The file system below the mounts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Root {
    /// The host's `/usr`, read-only, with a prepared `/etc`.
    #[default]
    Host,
    /// A folder that is a whole root file system, read-only, with a prepared `/etc`; of the
    /// host only its resolver and its certificates are seen.
    Folder(PathBuf),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mount {
    ReadOnly {
        source: PathBuf,
        target: PathBuf,
    },
    ReadWrite {
        source: PathBuf,
        target: PathBuf,
    },
    /// Private memory, gone with the incarnation. `bytes` bounds it.
    Scratch {
        target: PathBuf,
        bytes: u64,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    pub uid: u32,
    pub gid: u32,
}

/// `None` means the machine's own limit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    pub memory_bytes: Option<u64>,
    /// 1000 is one core.
    pub cpu_millicores: Option<u32>,
    pub pids: Option<u32>,
    /// What it gets of a busy CPU and disk beside others, which have 100; 1 to 10,000.
    #[serde(default)]
    pub cpu_weight: Option<u16>,
    /// 0 to 1000: who is ended first when the whole machine is short of memory.
    #[serde(default)]
    pub oom_score_adj: Option<u16>,
}

/// An environment. It carries secrets, so `Debug` shows names only.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Env(pub std::collections::BTreeMap<String, String>);

impl Env {
    pub fn set(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.insert(name.into(), value.into());
    }
}

impl std::fmt::Debug for Env {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::Root;

    #[test]
    fn a_root_is_written_as_keepers_of_every_version_read_it() {
        let roots =
            [(Root::Host, r#""host""#), (Root::Folder("/s/1".into()), r#"{"folder":"/s/1"}"#)];
        for (root, text) in roots {
            assert_eq!(serde_json::to_string(&root).unwrap(), text);
            assert_eq!(serde_json::from_str::<Root>(text).unwrap(), root);
        }
    }
}
