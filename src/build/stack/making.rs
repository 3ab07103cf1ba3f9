//! Finding, making and renewing roots. One at a time: two makes of one wish would do the same
//! work, and share the folder of kept packages.

use super::super::files::{self, TmpDir, failed};
use super::super::{room, stacks};
use super::area::Area;
use super::fetch::{self, Solved};
use super::record::{self, Change, Package, Record, Root};
use super::sources::Archive;
use super::suite::Suite;
use super::wanted::Wanted;
use super::{mmdebstrap, tidy};
use crate::app::{Digest, Failure};
use crate::keeper::Cancel;
use crate::store::Home;
use jiff::{SignedDuration, Timestamp};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A wish that was asked for this lately need not be written down again.
const FRESH: SignedDuration = SignedDuration::from_hours(1);

/// The root that fulfils the wish now, if it is on the disk.
pub fn find(home: &Home, wanted: &Wanted) -> Result<Option<Root>, Failure> {
    let Some(wish) = record::wish(home, wanted)? else { return Ok(None) };
    let record = record::read(home, &wish.digest)?;
    Ok(record.map(|record| record.root(wanted)))
}

/// Somebody builds on these roots now, so the wishes they fulfil still count.
pub fn asked(home: &Home, roots: &[Digest]) -> Result<(), Failure> {
    let now = Timestamp::now();
    for wish in record::wishes(home)? {
        if roots.contains(&wish.digest) && now.duration_since(wish.asked_at) > FRESH {
            record::fulfil(home, &wish.wanted, wish.digest)?;
        }
    }
    Ok(())
}

/// Finds the root, or makes it of the newest packages there are.
pub fn make(
    home: &Home,
    archive: &Archive,
    wanted: &Wanted,
    cancel: &Cancel,
    said: &mut dyn FnMut(&str),
) -> Result<Root, Failure> {
    if let Some(root) = find(home, wanted)? {
        return Ok(root);
    }
    let _lock = lock(home)?;
    if let Some(root) = find(home, wanted)? {
        return Ok(root);
    }
    let (area, solved) = ask(home, archive, wanted, cancel, said)?;
    make_of(home, &area, wanted, &solved, said)
}

/// Makes the root of the newest packages; the same root, and no change, when they are those
/// it has. Nothing that runs is touched.
pub fn upgrade(
    home: &Home,
    archive: &Archive,
    wanted: &Wanted,
    cancel: &Cancel,
    said: &mut dyn FnMut(&str),
) -> Result<(Root, Root, Vec<Change>), Failure> {
    let old = make(home, archive, wanted, cancel, said)?;
    let _lock = lock(home)?;
    let (area, solved) = ask(home, archive, wanted, cancel, said)?;
    let now = solved.iter().map(|one| (one.name.clone(), one.version.clone())).collect();
    if record::changes(&old.packages, &now).is_empty() {
        return Ok((old.clone(), old, Vec::new()));
    }
    let new = make_of(home, &area, wanted, &solved, said)?;
    let changes = record::changes(&old.packages, &new.packages);
    Ok((old, new, changes))
}

fn ask(
    home: &Home,
    archive: &Archive,
    wanted: &Wanted,
    cancel: &Cancel,
    said: &mut dyn FnMut(&str),
) -> Result<(Area, Vec<Solved>), Failure> {
    needs_root(wanted.suite)?;
    room::room_to_build(home.dir())?;
    let area = Area::open(home, archive, wanted.suite, cancel, said)?;
    let solved = fetch::solve(&area, wanted)?;
    Ok((area, solved))
}

fn make_of(
    home: &Home,
    area: &Area,
    wanted: &Wanted,
    solved: &[Solved],
    said: &mut dyn FnMut(&str),
) -> Result<Root, Failure> {
    mmdebstrap::at_hand(home, area, said)?;
    let packages = fetch::fetch(home, area, wanted, solved, said)?;
    let made = construct(home, wanted.suite, &packages, &area.cancel, said)?;
    let record = publish(home, wanted, packages, made)?;
    record::fulfil(home, wanted, record.digest)?;
    said(&format!("{} is {}", wanted.suite, record.digest.short()));
    Ok(record.root(wanted))
}

/// A root that is whole, but not in its place yet; gone when dropped.
pub(super) struct Made {
    tmp: TmpDir,
    pub digest: Digest,
    size: u64,
}

impl Made {
    pub fn folder(&self) -> PathBuf {
        self.tmp.path().join("root")
    }
}

/// From kept packages alone.
pub(super) fn construct(
    home: &Home,
    suite: Suite,
    packages: &BTreeMap<String, Package>,
    cancel: &Cancel,
    said: &mut dyn FnMut(&str),
) -> Result<Made, Failure> {
    needs_root(suite)?;
    let tmp = TmpDir::new(&home.tmp(), "stack")?;
    let root = mmdebstrap::run(home, suite, packages, &tmp, cancel, said)?;
    let size = tidy::tidy(&root)?;
    tidy::check(&root, packages)?;
    let digest = crate::codebase::tree_digest(&root)?;
    Ok(Made { tmp, digest, size })
}

/// First what it was made of, then the root itself: a root in its place is never unknown.
pub(super) fn publish(
    home: &Home,
    wanted: &Wanted,
    packages: BTreeMap<String, Package>,
    made: Made,
) -> Result<Record, Failure> {
    if let Some(known) = record::read(home, &made.digest)? {
        return Ok(known);
    }
    let record = Record::new(made.digest, wanted, made.size, packages);
    record::write(home, &record)?;
    files::publish(&made.folder(), &stacks::place(home, &made.digest))?;
    Ok(record)
}

pub(super) fn lock(home: &Home) -> Result<std::fs::File, Failure> {
    let folder = record::wishes_folder(home);
    std::fs::create_dir_all(&folder).map_err(failed("make", &folder))?;
    stacks::locked(&folder.join("lock"))
}

fn needs_root(suite: Suite) -> Result<(), Failure> {
    match rustix::process::geteuid().is_root() {
        true => Ok(()),
        false => Err(Failure::platform(format!("the stack {suite} needs a server that is root"))
            .why("this version unpacks and configures Debian packages as root")
            .next("run the server as root, or use `stack = \"host\"`")),
    }
}
