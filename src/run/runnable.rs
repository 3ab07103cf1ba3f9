//! A release made ready to start processes of: the contract with an app (DESIGN: its
//! environment, its file system, its limits) in one place.

use super::Host;
use crate::app::{
    DeployRef, Digest, InstanceId, Manifests, ProcessSettings, ProcessType, ReleaseNumber,
};
use crate::build::Description;
use crate::config::ConfigSnapshot;
use crate::keeper::{KeeperSpec, Output, Restart, VERSION};
use crate::sandbox::{Env, Limits, Mount, Root, Sandbox, User};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Everything a process of a release is started with.
pub struct Runnable {
    pub deploy: DeployRef,
    pub release: ReleaseNumber,
    pub uid: u32,
    pub build: Digest,
    /// Below the build.
    pub root: Root,
    pub config: ConfigSnapshot,
    pub manifests: Manifests,
    /// Commands by process type: the Procfile's, or the language's own.
    pub commands: BTreeMap<ProcessType, String>,
    /// What must be mounted around the build.
    pub description: Description,
}

/// One process to start.
pub struct Launch<'a> {
    pub instance: &'a InstanceId,
    pub argv: Vec<String>,
    pub port: Option<u16>,
    pub extra_env: Vec<(String, String)>,
    pub restart: Restart,
    pub output: Output,
    pub attached: bool,
}

const MEBIBYTE: u64 = 1 << 20;
const DEFAULT_MEMORY: u64 = 512 * MEBIBYTE;
const DEFAULT_PIDS: u32 = 256;
/// Heroku's window between SIGTERM and SIGKILL.
const DEFAULT_STOP_WINDOW_MS: u64 = 30_000;
/// Heroku's (R10).
const DEFAULT_BOOT_TIMEOUT: Duration = Duration::from_secs(60);
const TMP_BYTES: u64 = 256 * MEBIBYTE;
const SCRATCH_BYTES: u64 = 64 * MEBIBYTE;

impl Runnable {
    /// The shell command of a process type as an argv.
    pub fn argv(&self, process_type: &ProcessType) -> Option<Vec<String>> {
        self.commands.get(process_type).map(|command| shell(command))
    }

    pub fn settings(&self, process_type: &ProcessType) -> ProcessSettings {
        self.manifests.settings.process.get(process_type).cloned().unwrap_or_default()
    }

    pub fn stop_window_ms(&self, process_type: &ProcessType) -> u64 {
        self.settings(process_type).stop_window_ms.unwrap_or(DEFAULT_STOP_WINDOW_MS)
    }

    /// From its start to its first answer, at most.
    pub fn boot_timeout(&self) -> Duration {
        self.manifests.settings.boot_timeout_ms.map_or(DEFAULT_BOOT_TIMEOUT, Duration::from_millis)
    }

    /// The path a ready instance must answer.
    pub fn health_path(&self) -> String {
        self.manifests.settings.health.clone().unwrap_or_else(|| "/".to_string())
    }

    pub fn spec(&self, host: &Host, launch: Launch<'_>) -> KeeperSpec {
        let keeper = launch.instance.keeper;
        KeeperSpec {
            v: VERSION,
            deploy: self.deploy.clone(),
            instance: launch.instance.clone(),
            release: Some(self.release),
            nonce: nonce(),
            port: launch.port,
            socket: host.home.instance_socket(keeper),
            record: host.home.instance_record(keeper),
            sandbox: self.sandbox(host, launch.instance),
            env: self.env(host, &launch),
            argv: launch.argv,
            output: launch.output,
            restart: launch.restart,
            stop_window_ms: self.stop_window_ms(&launch.instance.process_type),
            attached: launch.attached,
        }
    }

    fn sandbox(&self, host: &Host, instance: &InstanceId) -> Sandbox {
        Sandbox {
            level: host.level,
            root: self.root.clone(),
            mounts: self.mounts(host),
            user: User { uid: self.uid, gid: self.uid },
            hostname: format!("{}-{}", self.deploy.app, instance.name().replace(['.', '_'], "-")),
            cwd: PathBuf::from("/app"),
            limits: self.limits(&instance.process_type),
            cgroup: host.cgroup(instance.keeper),
            guarded: host.guards_ports,
        }
    }

    fn mounts(&self, host: &Host) -> Vec<Mount> {
        let mut mounts = vec![
            Mount::Scratch { target: "/tmp".into(), bytes: TMP_BYTES },
            Mount::ReadOnly { source: host.exe.clone(), target: "/opt/xii/bin/xii".into() },
        ];
        mounts.extend(self.description.mounts(&host.home, &self.build));
        for folder in &self.manifests.settings.scratch {
            mounts.push(Mount::Scratch {
                target: Path::new("/app").join(folder),
                bytes: SCRATCH_BYTES,
            });
        }
        mounts
    }

    fn limits(&self, process_type: &ProcessType) -> Limits {
        let settings = self.settings(process_type);
        Limits {
            memory_bytes: Some(settings.memory_bytes.unwrap_or(DEFAULT_MEMORY)),
            cpu_millicores: settings.cpu_millicores,
            pids: Some(settings.pids.unwrap_or(DEFAULT_PIDS)),
            ..Limits::default()
        }
    }

    fn env(&self, host: &Host, launch: &Launch<'_>) -> Env {
        let name = launch.instance.name();
        let mut env = Env::default();
        for (name, value) in fixed_env(&self.description) {
            env.set(name, value);
        }
        env.set("WEB_CONCURRENCY", self.web_concurrency(&launch.instance.process_type).to_string());
        for (key, value) in &self.config.0 {
            env.set(key.as_str(), value.reveal());
        }
        for (key, value) in &launch.extra_env {
            env.set(key, value);
        }
        env.set("DYNO", &name);
        env.set("XII_APP", self.deploy.app.as_str());
        env.set("XII_DEPLOY", self.deploy.deploy.as_str());
        env.set("XII_RELEASE", self.release.to_string());
        env.set("XII_INSTANCE", name);
        env.set("XII_HOST", host.addressing.host_name(&self.deploy));
        if let Some(port) = launch.port {
            env.set("PORT", port.to_string());
        }
        env
    }

    /// One worker for each 256 MiB, between 1 and 8.
    fn web_concurrency(&self, process_type: &ProcessType) -> u64 {
        let memory = self.settings(process_type).memory_bytes.unwrap_or(DEFAULT_MEMORY);
        (memory / (256 * MEBIBYTE)).clamp(1, 8)
    }
}

/// What the environment of every process of a build begins with, here and elsewhere.
pub fn fixed_env(description: &Description) -> BTreeMap<String, String> {
    let fixed = [
        ("PATH", description.path()),
        ("HOME", "/app".to_string()),
        ("LANG", "C.UTF-8".to_string()),
        ("TZ", "UTC".to_string()),
        ("PYTHONUNBUFFERED", "1".to_string()),
    ];
    let fixed = fixed.into_iter().map(|(name, value)| (name.to_string(), value));
    fixed.chain(description.env.clone()).collect()
}

/// A command line as a Procfile means it.
pub fn shell(command: &str) -> Vec<String> {
    ["sh", "-c", command].map(str::to_string).to_vec()
}

/// What a keeper answers with, so that its record is believed.
pub fn nonce() -> String {
    let mut bytes = [0; 16];
    // The kernel's generator fails only before it is seeded at boot; a fixed nonce then
    // costs the check that a record belongs to its keeper, not its correctness.
    let _ = getrandom::fill(&mut bytes);
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
