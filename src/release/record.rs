//! A release as the rooms above see it, and its way out of a row.

use crate::app::{
    ConfigKey, DeployName, DeployRef, Digest, Failure, ManifestTexts, ProcessType, ReleaseNumber,
};
use crate::config::{Changed, ConfigSnapshot, Key, Place, SealedConfig, SealedValue};
use crate::store::ReleaseRow;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The root file system below a build.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stack {
    /// `host`, `debian-12`, …
    pub name: String,
    /// A digest, or for `host`, which has none, `package version` pairs separated by commas.
    pub fingerprint: String,
}

impl Stack {
    /// The machine's own `/usr`.
    pub const HOST: &str = "host";

    pub fn is_host(&self) -> bool {
        self.name == Self::HOST
    }

    /// Of a root file system of packages; the host's own system has none.
    pub fn digest(&self) -> Option<Digest> {
        if self.is_host() { None } else { self.fingerprint.parse().ok() }
    }
}

/// The commit the code came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    pub id: String,
    pub tree: String,
    pub branch: Option<String>,
    pub subject: String,
    /// Uncommitted edits were deployed with it.
    pub dirty: bool,
}

/// A backing service under a config name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    pub name: ConfigKey,
    pub resource: String,
    /// Which credentials of the resource.
    pub generation: u64,
}

/// Why there is this release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    Deploy,
    Config(Changed),
    Rollback {
        to: ReleaseNumber,
    },
    /// Another deploy's release of this number, with this deploy's config.
    Promote {
        from: DeployName,
        release: ReleaseNumber,
    },
    /// The same build on newer packages.
    Stack {
        name: String,
        from: Digest,
        to: Digest,
    },
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Reason::Deploy => f.write_str("deploy"),
            Reason::Rollback { to } => write!(f, "rollback to {to}"),
            Reason::Promote { from, release } => write!(f, "promote {from} {release}"),
            Reason::Config(changed) => write!(f, "config {changed}"),
            Reason::Stack { name, from, to } => {
                write!(f, "stack {name} {} → {}", from.short(), to.short())
            }
        }
    }
}

/// How a release fares, as recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum Status {
    /// Cut, and on its way.
    Pending,
    /// It serves, or has served.
    Active,
    Failed {
        why: String,
    },
}

/// How a release stands among the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    Pending,
    Current,
    Superseded,
    Failed,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    pub deploy: DeployRef,
    pub number: ReleaseNumber,
    /// None: config was set before the first build; it runs nothing.
    pub build: Option<Digest>,
    pub stack: Stack,
    pub config: SealedConfig,
    /// What is run: the Procfile's lines, or what the build says where there is none.
    pub commands: BTreeMap<ProcessType, String>,
    pub manifests: ManifestTexts,
    pub commit: Option<Commit>,
    pub attachments: Vec<Attachment>,
    pub reason: Reason,
    pub created_at: Timestamp,
    pub created_by: String,
    pub status: Status,
    pub status_at: Timestamp,
    pub previous: Digest,
    pub mac: Digest,
}

impl Release {
    pub fn place(&self) -> Place {
        Place { deploy: self.deploy.clone(), release: self.number }
    }

    /// The values, for the environment of a process.
    pub fn open_config(&self, key: &Key) -> Result<ConfigSnapshot, Failure> {
        self.config.open(key, &self.place())
    }

    pub fn standing(&self, current: Option<ReleaseNumber>) -> Standing {
        match self.status {
            Status::Pending => Standing::Pending,
            Status::Failed { .. } => Standing::Failed,
            Status::Active if current == Some(self.number) => Standing::Current,
            Status::Active => Standing::Superseded,
        }
    }

    pub(super) fn from_row(deploy: &DeployRef, row: &ReleaseRow) -> Result<Release, Failure> {
        let number = ReleaseNumber(row.number.unsigned_abs());
        read(deploy, row)
            .map_err(|why| Failure::platform(format!("{deploy} {number} is unreadable")).why(why))
    }
}

fn read(deploy: &DeployRef, row: &ReleaseRow) -> Result<Release, String> {
    Ok(Release {
        deploy: deploy.clone(),
        number: ReleaseNumber(row.number.unsigned_abs()),
        build: row.build.as_deref().map(str::parse).transpose()?,
        stack: json("stack", &row.stack)?,
        config: config(row)?,
        commands: json("commands", &row.commands)?,
        manifests: json("manifests", &row.manifests)?,
        commit: json("source", &row.source)?,
        attachments: json("attachments", &row.attachments)?,
        reason: json("reason", &row.reason)?,
        created_at: time(row.created_at)?,
        created_by: row.created_by.clone(),
        status: status(row)?,
        status_at: time(row.status_at)?,
        previous: digest(&row.previous)?,
        mac: digest(&row.mac)?,
    })
}

fn config(row: &ReleaseRow) -> Result<SealedConfig, String> {
    let value = |value: &crate::store::ConfigRow| {
        let name = value.name.parse::<ConfigKey>().map_err(|error| error.to_string())?;
        let digest = digest(&value.digest)?;
        Ok((name, SealedValue { sealed: value.sealed.clone(), digest }))
    };
    row.config.iter().map(value).collect::<Result<_, String>>().map(SealedConfig)
}

fn status(row: &ReleaseRow) -> Result<Status, String> {
    match row.status.as_str() {
        "pending" => Ok(Status::Pending),
        "active" => Ok(Status::Active),
        "failed" => Ok(Status::Failed { why: row.failure.clone().unwrap_or_default() }),
        other => Err(format!("{other:?} is not a status")),
    }
}

pub(super) fn status_columns(status: &Status) -> (String, Option<String>) {
    match status {
        Status::Pending => ("pending".to_string(), None),
        Status::Active => ("active".to_string(), None),
        Status::Failed { why } => ("failed".to_string(), Some(why.clone())),
    }
}

fn json<T: DeserializeOwned>(column: &str, text: &str) -> Result<T, String> {
    serde_json::from_str(text).map_err(|error| format!("its {column} do not parse: {error}"))
}

fn time(micros: i64) -> Result<Timestamp, String> {
    Timestamp::from_microsecond(micros).map_err(|error| error.to_string())
}

pub(super) fn digest(bytes: &[u8]) -> Result<Digest, String> {
    <[u8; 32]>::try_from(bytes)
        .map(Digest::from_bytes)
        .map_err(|_| format!("{} bytes where a digest belongs", bytes.len()))
}
