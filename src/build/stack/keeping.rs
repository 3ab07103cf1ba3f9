//! Which roots may go, and their packages with them.

use super::making::lock;
use super::packages;
use super::record::{self, Record, Wish};
use crate::app::{Digest, Failure};
use crate::store::Home;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// What is this new may be on its way into a release; and what a newer root has replaced only
/// now may be what a build is under way on.
const NEW: SignedDuration = SignedDuration::from_hours(24);
/// What builds ask for is kept for the next build this long, though no release runs on it.
const ASKED: SignedDuration = SignedDuration::from_hours(30 * 24);

/// What went.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pruned {
    pub roots: Vec<Digest>,
    pub packages: u64,
    /// Of roots and packages.
    pub bytes: u64,
}

/// The roots that may be removed: used by no release that is kept and nothing that runs, not
/// the answer to a wish that still counts, and neither just made nor just replaced. A wish
/// counts while a root that was made for it is used, or when it was asked for lately.
pub fn prunable(
    records: &[Record],
    wishes: &[Wish],
    used: &BTreeSet<Digest>,
    now: Timestamp,
) -> Vec<Digest> {
    let counts = |wish: &&Wish| wish_counts(wish, records, used, now);
    let mut kept = used.clone();
    kept.extend(wishes.iter().filter(counts).map(|wish| wish.digest));
    let is_new = |record: &Record| now.duration_since(record.made_at) < NEW;
    let renewed: BTreeSet<_> =
        records.iter().filter(|r| is_new(r)).map(|record| &record.wanted).collect();
    records
        .iter()
        .filter(|record| !renewed.contains(&record.wanted))
        .map(|record| record.digest)
        .filter(|digest| !kept.contains(digest))
        .collect()
}

fn wish_counts(wish: &Wish, records: &[Record], used: &BTreeSet<Digest>, now: Timestamp) -> bool {
    let is_used = |record: &Record| record.wanted == wish.wanted && used.contains(&record.digest);
    now.duration_since(wish.asked_at) < ASKED
        || used.contains(&wish.digest)
        || records.iter().any(is_used)
}

/// Removes what [`prunable`] says, then every package that no root needs any more.
pub fn prune(home: &Home, used: &BTreeSet<Digest>, now: Timestamp) -> Result<Pruned, Failure> {
    let _lock = lock(home)?;
    let (records, wishes) = (record::list(home)?, record::wishes(home)?);
    let mut pruned = Pruned::default();
    for digest in prunable(&records, &wishes, used, now) {
        record::remove(home, &digest)?;
        pruned.bytes += records.iter().find(|r| r.digest == digest).map_or(0, |r| r.size);
        pruned.roots.push(digest);
    }
    for wish in wishes.iter().filter(|wish| pruned.roots.contains(&wish.digest)) {
        record::forget_wish(home, &wish.wanted)?;
    }
    let (count, bytes) = packages::prune(home)?;
    pruned.packages = count;
    pruned.bytes += bytes;
    Ok(pruned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::build::stack::{Suite, Wanted};
    use std::collections::BTreeMap;

    fn now() -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap()
    }

    fn ago(hours: i64) -> Timestamp {
        now() - SignedDuration::from_hours(hours)
    }

    fn record(name: &str, packages: &[&str], hours: i64) -> Record {
        let wanted = Wanted::new(Suite::Debian12, packages.iter().copied()).unwrap();
        let record = Record::new(Digest::of(name.as_bytes()), &wanted, 1, BTreeMap::new());
        Record { made_at: ago(hours), ..record }
    }

    fn wish(of: &Record, hours: i64) -> Wish {
        Wish { v: 1, wanted: of.wanted.clone(), digest: of.digest, asked_at: ago(hours) }
    }

    #[test]
    fn what_is_used_wished_for_or_new_stays() {
        let old = record("old", &["curl"], 1000);
        let current = record("current", &["curl"], 800);
        let lone = record("lone", &["vim"], 900);
        let new = record("new", &[], 1);
        let records = [old.clone(), current.clone(), lone.clone(), new.clone()];
        let wishes = [wish(&current, 800), wish(&lone, 900), wish(&new, 1)];
        let gone = |used: &[&Record], wishes: &[Wish]| {
            let used = used.iter().map(|record| record.digest).collect();
            prunable(&records, wishes, &used, now())
        };
        assert_eq!(gone(&[&old], &wishes), [lone.digest], "an old root in use keeps its wish");
        assert_eq!(gone(&[], &wishes), [old.digest, current.digest, lone.digest]);
        assert_eq!(gone(&[&lone], &wishes), [old.digest, current.digest]);
        assert_eq!(gone(&[], &[wish(&lone, 2)]), [old.digest, current.digest], "asked for lately");
    }

    #[test]
    fn a_root_that_was_just_replaced_stays_for_the_builds_that_are_under_way_on_it() {
        let gone = |hours| {
            let (old, newer) = (record("old", &[], 1000), record("newer", &[], hours));
            let wishes = [wish(&newer, hours)];
            prunable(&[newer, old], &wishes, &BTreeSet::new(), now()).len()
        };
        assert_eq!((gone(1), gone(25)), (0, 1));
    }
}
