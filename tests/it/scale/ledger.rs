//! One deploy with a very long history.

use super::{Rows, best, heading, once};
use jiff::Timestamp;
use std::path::Path;
use xii::app::{DeployRef, Digest, ManifestTexts, ReleaseNumber};
use xii::config::{ConfigSnapshot, Key};
use xii::release::{self, NewRelease, Reason, Stack};
use xii::store::{Block, Ledger};

/// Memory, so that the figures are those of the ledger and not of a disk.
fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    let place = if memory.is_dir() { memory } else { Path::new("/tmp") };
    tempfile::tempdir_in(place).unwrap()
}

fn new_release(deploy: &DeployRef) -> NewRelease {
    let config = (0..10).map(|n| {
        let value = xii::app::Secret::new(format!("value-{n}"));
        (format!("NAME_{n}").parse().unwrap(), value)
    });
    NewRelease {
        deploy: deploy.clone(),
        build: Some(Digest::of(b"build")),
        stack: Stack { name: "host".into(), fingerprint: "python3.11 3.11.2-6".into() },
        config: ConfigSnapshot(config.collect()),
        commands: [("web".parse().unwrap(), "exec python3 web.py".to_string())].into(),
        manifests: ManifestTexts {
            procfile: Some("web: exec python3 web.py\n".into()),
            ..ManifestTexts::default()
        },
        commit: None,
        attachments: Vec::new(),
        reason: Reason::Deploy,
        by: "ann".into(),
        at: Timestamp::now(),
    }
}

#[test]
#[ignore = "a figure, not a test: `just bench-scale`"]
fn a_ledger_of_a_hundred_thousand_releases() {
    let folder = folder();
    let path = folder.path().join("ledger.db");
    let ledger = Ledger::open(&path).unwrap();
    let key = Key::load_or_create(&folder.path().join("key"), &ledger).unwrap();
    let deploy: DeployRef = "shop".parse().unwrap();
    ledger.create_app(&deploy.app, &["root".to_string()], "", Timestamp::now()).unwrap();
    let block = Block { uids: 90_000..90_500, ports: 28_000..28_100 };
    ledger.create_deploy(&deploy, &block, Timestamp::now()).unwrap();
    let new = new_release(&deploy);
    let cut = || {
        let made = release::cut(&ledger, &key, &new).unwrap();
        release::activate(&ledger, &key, &deploy, made.number, Timestamp::now()).unwrap();
    };
    heading();
    let names = [
        "ledger of n releases: open, with its check",
        "… the current release",
        "… the newest good one, which the next one starts from",
        "… the one that `xii rollback` goes back to",
        "… what is pending, at a server's start",
        "… `xii releases`, the last 20",
        "… cut and activate the next one",
        "… which builds may be removed",
        "… `xii releases --json`, all",
    ];
    let mut rows = names.map(Rows::of);
    let mut verify = Rows::of("… `xii releases verify`, all of the chain");
    let mut made = 0;
    for n in [1_000, 10_000, 100_000] {
        (made..n).for_each(|_| cut());
        let last = ReleaseNumber(n as u64);
        let open = best(|| drop(Ledger::open(&path).unwrap()));
        let times = [
            open,
            best(|| assert!(release::current(&ledger, &key, &deploy).unwrap().is_some())),
            best(|| assert!(release::head(&ledger, &key, &deploy).unwrap().is_some())),
            best(|| {
                let back = release::last_good_before(&ledger, &deploy, last).unwrap();
                assert_eq!(back, Some(ReleaseNumber(n as u64 - 1)));
            }),
            best(|| assert!(release::pending(&ledger, &deploy).unwrap().is_empty())),
            best(|| assert_eq!(release::recent(&ledger, &deploy, 20).unwrap().len(), 20)),
            best(&cut),
            best(|| drop(release::to_prune(&ledger, &Default::default(), Timestamp::now()))),
            once(|| assert!(release::list(&ledger, &deploy).unwrap().len() >= n)),
        ];
        made = n + 5;
        let size = path.metadata().unwrap().len() as f64 / 1e6;
        for (row, time) in rows.iter_mut().zip(times) {
            row.add(n, time, &format!("{size:.0} MB file"));
        }
        // Minutes, where the program is not optimised.
        if n < 100_000 || !cfg!(debug_assertions) {
            let took =
                once(|| assert!(release::verify(&ledger, &key, &deploy).unwrap().is_intact()));
            verify.add(n, took, "");
        }
    }
}
