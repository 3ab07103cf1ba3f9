//! A server is killed while it cuts releases; none that it acknowledged is lost.

use super::*;
use crate::store::tests::{acknowledge, killed_writer, rounds};
use std::path::Path;

fn open(dir: &Path) -> Bench {
    let ledger = Ledger::open(&dir.join("ledger.db")).unwrap();
    let key = Key::load_or_create(&dir.join("key"), &ledger).unwrap();
    let deploy: DeployRef = "shop".parse().unwrap();
    if ledger.app(&deploy.app).unwrap().is_none() {
        ledger.create_app(&deploy.app, &[], "", at(0)).unwrap();
    }
    if ledger.deploy(&deploy).unwrap().is_none() {
        ledger.create_deploy(&deploy, &block(), at(0)).unwrap();
    }
    Bench { _dir: tempfile::tempdir().unwrap(), ledger, key, deploy }
}

fn write(dir: &Path) {
    let bench = open(dir);
    loop {
        let value = getrandom::u32().unwrap().to_string();
        let release = bench.cut("one", &[("VALUE", &value)]);
        acknowledge(format!("{} pending {value}", release.number.0));
        bench.activate(release.number);
        acknowledge(format!("{} active {value}", release.number.0));
    }
}

#[test]
fn no_acknowledged_release_is_lost_when_the_server_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    let test = "release::tests::crash::no_acknowledged_release_is_lost_when_the_server_is_killed";
    for round in 0..rounds(25) {
        let acknowledged = killed_writer(test, dir.path(), write);
        let bench = open(dir.path());
        let releases = bench.list();
        for line in acknowledged {
            let words: Vec<&str> = line.split(' ').collect();
            let release = &releases[words[0].parse::<usize>().unwrap() - 1];
            let config = release.open_config(&bench.key).unwrap();
            assert_eq!(config, super::config(&[("VALUE", words[2])]), "round {round}: {line}");
            assert!(words[1] == "pending" || release.status == Status::Active, "{round}: {line}");
        }
        assert!(bench.verdict().is_intact(), "round {round}: {:?}", bench.verdict());
    }
}
