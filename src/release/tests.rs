use super::*;
use crate::app::{ConfigKey, DeployRef, Digest, ManifestTexts, ReleaseNumber, Secret};
use crate::config::{ConfigSnapshot, Key};
use crate::store::{Block, Ledger};
use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};

/// A ledger with one deploy, gone when dropped.
pub(super) struct Bench {
    pub dir: tempfile::TempDir,
    pub ledger: Ledger,
    pub key: Key,
    pub deploy: DeployRef,
}

pub(super) fn bench() -> Bench {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(&dir.path().join("ledger.db")).unwrap();
    let key = Key::load_or_create(&dir.path().join("key"), &ledger).unwrap();
    let deploy: DeployRef = "shop".parse().unwrap();
    ledger.create_app(&deploy.app, &["root".to_string()], "", at(0)).unwrap();
    let block = Block { uids: 90_000..90_500, ports: 28_000..28_100 };
    ledger.create_deploy(&deploy, &block, at(0)).unwrap();
    Bench { dir, ledger, key, deploy }
}

pub(super) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

pub(super) fn host(fingerprint: &str) -> Stack {
    Stack { name: "host".to_string(), fingerprint: fingerprint.to_string() }
}

pub(super) fn config(pairs: &[(&str, &str)]) -> ConfigSnapshot {
    let pair = |(name, value): &(&str, &str)| {
        (name.parse::<ConfigKey>().unwrap(), Secret::new(value.to_string()))
    };
    ConfigSnapshot(pairs.iter().map(pair).collect())
}

impl Bench {
    pub fn new_release(&self, build: &str, config: ConfigSnapshot) -> NewRelease {
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

    pub fn cut_active(&self, build: &str, pairs: &[(&str, &str)]) -> Release {
        let release =
            cut(&self.ledger, &self.key, &self.new_release(build, config(pairs))).unwrap();
        activate(&self.ledger, &self.key, &self.deploy, release.number, at(2)).unwrap()
    }

    pub fn rollback(&self, to: u64) -> Result<RolledBack, crate::app::Failure> {
        let wish = Rollback {
            deploy: self.deploy.clone(),
            to: ReleaseNumber(to),
            stack: host("python3.11 deb12u3"),
            by: "ann".to_string(),
            at: at(3),
        };
        rollback(&self.ledger, &self.key, &wish)
    }

    pub fn verdict(&self) -> Verdict {
        verify(&self.ledger, &self.key, &self.deploy).unwrap()
    }
}

#[test]
fn a_release_is_read_back_as_it_was_cut_and_its_config_opens() {
    let bench = bench();
    let first = bench.cut_active("one", &[("A", "line\n'quoted' \"x\"")]);
    assert_eq!(first.number, ReleaseNumber(1));
    let read = get(&bench.ledger, &bench.key, &bench.deploy, first.number).unwrap().unwrap();
    assert_eq!(read, first);
    assert_eq!(read.open_config(&bench.key).unwrap(), config(&[("A", "line\n'quoted' \"x\"")]));
    assert_eq!(current(&bench.ledger, &bench.key, &bench.deploy).unwrap(), Some(first));
    assert!(bench.verdict().is_intact(), "{:?}", bench.verdict());
}

#[test]
fn a_rollback_restores_code_commands_and_config_and_says_what_moved_below() {
    let bench = bench();
    let first = bench.cut_active("one", &[("A", "1")]);
    bench.cut_active("two", &[("A", "2"), ("B", "3")]);
    let wish = Rollback {
        deploy: bench.deploy.clone(),
        to: first.number,
        stack: host("python3.11 deb12u4"),
        by: "ann".to_string(),
        at: at(3),
    };
    let back = rollback(&bench.ledger, &bench.key, &wish).unwrap();
    assert_eq!(back.below, ["python3.11 deb12u3 → deb12u4"]);
    assert_eq!(back.release.number, ReleaseNumber(3));
    assert_eq!(back.release.manifests, first.manifests);
    assert_eq!(back.release.reason.to_string(), "rollback to v1");
    assert!(differences(&bench.key, &first, &back.release).unwrap().is_empty());
    assert!(bench.verdict().is_intact());
}
