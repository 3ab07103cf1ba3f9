mod crash;
mod history;
mod retain;
mod rollback;
mod tamper;

use super::*;
use crate::app::{ConfigKey, DeployRef, Digest, ManifestTexts, ReleaseNumber, Secret};
use crate::config::{ConfigSnapshot, Key};
use crate::store::{Block, Ledger};
use jiff::Timestamp;
use std::collections::BTreeMap;

/// A ledger with one deploy, gone when dropped.
struct Bench {
    _dir: tempfile::TempDir,
    ledger: Ledger,
    key: Key,
    deploy: DeployRef,
}

fn bench() -> Bench {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(&dir.path().join("ledger.db")).unwrap();
    let key = Key::load_or_create(&dir.path().join("key"), &ledger).unwrap();
    let deploy: DeployRef = "shop".parse().unwrap();
    ledger.create_app(&deploy.app, &["root".to_string()], "", at(0)).unwrap();
    ledger.create_deploy(&deploy, &block(), at(0)).unwrap();
    Bench { _dir: dir, ledger, key, deploy }
}

fn block() -> Block {
    Block { uids: 90_000..90_500, ports: 28_000..28_100 }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn host(fingerprint: &str) -> Stack {
    Stack { name: "host".to_string(), fingerprint: fingerprint.to_string() }
}

fn config(pairs: &[(&str, &str)]) -> ConfigSnapshot {
    let pair = |(name, value): &(&str, &str)| {
        (name.parse::<ConfigKey>().unwrap(), Secret::new(value.to_string()))
    };
    ConfigSnapshot(pairs.iter().map(pair).collect())
}

impl Bench {
    fn new_release(&self, build: &str, config: ConfigSnapshot) -> NewRelease {
        NewRelease {
            deploy: self.deploy.clone(),
            build: (!build.is_empty()).then(|| Digest::of(build.as_bytes())),
            stack: host("python3.11 deb12u3"),
            config,
            commands: BTreeMap::from([("web".parse().unwrap(), format!("run {build}"))]),
            manifests: ManifestTexts {
                procfile: Some(format!("web: run {build}\r\n")),
                ..ManifestTexts::default()
            },
            commit: Some(Commit {
                id: format!("c-{build}"),
                tree: format!("t-{build}"),
                branch: Some("main".to_string()),
                subject: "Sell more".to_string(),
                dirty: false,
            }),
            attachments: Vec::new(),
            reason: Reason::Deploy,
            by: "ann".to_string(),
            at: at(1),
        }
    }

    fn cut(&self, build: &str, pairs: &[(&str, &str)]) -> Release {
        cut(&self.ledger, &self.key, &self.new_release(build, config(pairs))).unwrap()
    }

    fn cut_active(&self, build: &str, pairs: &[(&str, &str)]) -> Release {
        self.activate(self.cut(build, pairs).number)
    }

    fn activate(&self, number: ReleaseNumber) -> Release {
        activate(&self.ledger, &self.key, &self.deploy, number, at(2)).unwrap()
    }

    fn fail(&self, number: ReleaseNumber, why: &str) -> Release {
        fail(&self.ledger, &self.key, &self.deploy, number, why, at(3)).unwrap()
    }

    fn current(&self) -> Option<Release> {
        current(&self.ledger, &self.key, &self.deploy).unwrap()
    }

    fn list(&self) -> Vec<Release> {
        list(&self.ledger, &self.deploy).unwrap()
    }

    fn wish(&self, to: u64) -> Rollback {
        Rollback {
            deploy: self.deploy.clone(),
            to: ReleaseNumber(to),
            stack: host("python3.11 deb12u3"),
            by: "ann".to_string(),
            at: at(3),
        }
    }

    fn rollback(&self, to: u64) -> Result<RolledBack, crate::app::Failure> {
        rollback(&self.ledger, &self.key, &self.wish(to))
    }

    fn verdict(&self) -> Verdict {
        verify(&self.ledger, &self.key, &self.deploy).unwrap()
    }
}
