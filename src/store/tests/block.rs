use crate::store::{Block, Home, Ledger};
use std::fs;
use std::path::PathBuf;

struct Host {
    dir: tempfile::TempDir,
}

impl Host {
    fn new() -> Host {
        Host { dir: tempfile::tempdir().unwrap() }
    }

    fn registry(&self) -> PathBuf {
        self.dir.path().join("blocks")
    }

    fn home(&self, name: &str) -> (Home, Ledger) {
        let home = Home::open(&self.dir.path().join(name), &self.dir.path().join("run")).unwrap();
        let ledger = Ledger::open(&home.ledger()).unwrap();
        (home, ledger)
    }

    fn claim(&self, (home, ledger): &(Home, Ledger)) -> Result<Block, crate::app::Failure> {
        Block::claim(&self.registry(), home, ledger, true)
    }
}

#[test]
fn two_homes_never_share_a_user_id_or_a_port() {
    let host = Host::new();
    let (a, b) = (host.home("a"), host.home("b"));
    let first = host.claim(&a).unwrap();
    let second = host.claim(&b).unwrap();
    assert_eq!(first, Block { uids: 90_000..90_500, ports: 28_000..28_100 });
    assert_eq!(second, Block { uids: 90_500..91_000, ports: 28_100..28_200 });
    assert_eq!(host.claim(&a).unwrap(), first);
}

#[test]
fn a_claim_that_stands_is_not_written_again() {
    let host = Host::new();
    let home = host.home("a");
    host.claim(&home).unwrap();
    let inode =
        || std::os::unix::fs::MetadataExt::ino(&host.registry().join("0").metadata().unwrap());
    let before = inode();
    host.claim(&home).unwrap();
    assert_eq!(inode(), before);
}

#[test]
fn a_home_has_the_same_block_after_a_reboot_whoever_starts_first() {
    let host = Host::new();
    let (a, b) = (host.home("a"), host.home("b"));
    let (first, second) = (host.claim(&a).unwrap(), host.claim(&b).unwrap());
    fs::remove_dir_all(host.registry()).unwrap();
    assert_eq!(host.claim(&b).unwrap(), second);
    assert_eq!(host.claim(&a).unwrap(), first);
}

#[test]
fn a_block_taken_by_another_home_after_a_reboot_is_an_error_naming_it() {
    let host = Host::new();
    let old = host.home("old");
    host.claim(&old).unwrap();
    fs::remove_dir_all(host.registry()).unwrap();
    let new = host.home("new");
    host.claim(&new).unwrap();
    let failure = host.claim(&old).unwrap_err();
    assert!(failure.message.contains(&new.0.dir().display().to_string()), "{failure}");
    assert!(failure.next.is_some());
}

#[test]
fn the_block_of_a_home_that_is_gone_or_was_made_anew_is_free() {
    let host = Host::new();
    let a = host.home("a");
    let first = host.claim(&a).unwrap();
    fs::remove_dir_all(a.0.dir()).unwrap();
    let b = host.home("b");
    assert_eq!(host.claim(&b).unwrap(), first);
    fs::write(b.0.dir().join("id"), "00000000\n").unwrap();
    let c = host.home("c");
    assert_eq!(host.claim(&c).unwrap(), first);
}

#[test]
fn when_all_blocks_are_taken_their_holders_are_listed() {
    let host = Host::new();
    let homes: Vec<_> = (0..16).map(|n| host.home(&format!("h{n}"))).collect();
    let blocks: Vec<Block> = homes.iter().map(|home| host.claim(home).unwrap()).collect();
    assert_eq!(blocks[15], Block { uids: 97_500..98_000, ports: 29_500..29_600 });
    let late = host.home("late");
    let failure = host.claim(&late).unwrap_err();
    for (home, _) in &homes {
        assert!(failure.to_string().contains(&home.dir().display().to_string()), "{failure}");
    }
    fs::remove_dir_all(homes[7].0.dir()).unwrap();
    assert_eq!(host.claim(&late).unwrap(), blocks[7]);
}

#[test]
fn a_home_without_root_never_has_a_port_of_a_home_of_root() {
    let host = Host::new();
    let (home, ledger) = host.home("user");
    let block = Block::claim(&host.registry(), &home, &ledger, false).unwrap();
    assert_eq!(block.ports, 29_600..29_700);
    assert_eq!(host.claim(&host.home("root")).unwrap().ports, 28_000..28_100);
}

#[test]
fn homes_that_claim_at_once_get_different_blocks() {
    let host = Host::new();
    let homes: Vec<_> = (0..8).map(|n| host.home(&format!("h{n}"))).collect();
    let blocks: std::collections::BTreeSet<u32> = std::thread::scope(|scope| {
        let claims: Vec<_> =
            homes.iter().map(|home| scope.spawn(|| host.claim(home).unwrap())).collect();
        claims.into_iter().map(|claim| claim.join().unwrap().uids.start).collect()
    });
    assert_eq!(blocks.len(), 8);
}

#[test]
fn a_registry_entry_that_cannot_be_read_names_its_file() {
    let host = Host::new();
    fs::create_dir_all(host.registry()).unwrap();
    fs::write(host.registry().join("0"), "?").unwrap();
    let failure = host.claim(&host.home("a")).unwrap_err();
    assert!(failure.message.contains(&host.registry().join("0").display().to_string()));
}
