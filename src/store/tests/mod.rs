mod block;
mod crash;
mod home;
mod ledger;
mod records;

pub(crate) use crash::{acknowledge, killed_writer, rounds};

use super::{Block, Home, Ledger};
use crate::app::DeployRef;
use jiff::Timestamp;
use tempfile::TempDir;

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

fn block() -> Block {
    Block { uids: 90_000..90_003, ports: 28_000..28_003 }
}

fn ledger(dir: &TempDir) -> Ledger {
    Ledger::open(&dir.path().join("ledger.db")).unwrap()
}

/// A ledger with the deploy `shop/production`.
fn with_deploy(dir: &TempDir) -> (Ledger, DeployRef) {
    let ledger = ledger(dir);
    let deploy: DeployRef = "shop".parse().unwrap();
    ledger.create_app(&deploy.app, &["root".to_string()], "", at(0)).unwrap();
    ledger.create_deploy(&deploy, &block(), at(0)).unwrap();
    (ledger, deploy)
}

fn open_home(dir: &std::path::Path) -> Home {
    Home::open(&dir.join("home"), &dir.join("run")).unwrap()
}
