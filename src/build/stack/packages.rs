//! The packages roots were made of, by their content: `stacks/packages/<sha256>.deb`. An
//! archive forgets old versions; what a root was made of is kept as long as the root is.

use super::super::files::{self, failed};
use super::record::{self, Package};
use crate::app::{Digest, Failure};
use crate::store::Home;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

pub fn folder(home: &Home) -> PathBuf {
    home.stacks().join("packages")
}

fn place(home: &Home, sha256: &Digest) -> PathBuf {
    folder(home).join(format!("{sha256}.deb"))
}

/// Puts what is kept where apt looks before it fetches, under apt's names.
pub fn offer(home: &Home, archives: &Path) -> Result<(), Failure> {
    for record in record::list(home)? {
        for package in record.packages.values() {
            // One that is lost is fetched again.
            let _ = fs::hard_link(place(home, &package.sha256), archives.join(&package.file));
        }
    }
    Ok(())
}

/// Keeps a fetched package, and says under which name.
pub fn keep(home: &Home, file: &Path) -> Result<Digest, Failure> {
    let sha256 = Digest::of(&fs::read(file).map_err(failed("read", file))?);
    let place = place(home, &sha256);
    if !place.exists() {
        let folder = folder(home);
        fs::create_dir_all(&folder).map_err(failed("make", &folder))?;
        fs::File::open(file).and_then(|file| file.sync_all()).map_err(failed("sync", file))?;
        fs::rename(file, &place).map_err(failed("keep", file))?;
    }
    Ok(sha256)
}

/// Lays out kept packages in a folder, each checked to be what it was.
pub fn lay_out(
    home: &Home,
    packages: &BTreeMap<String, Package>,
    to: &Path,
) -> Result<(), Failure> {
    for (name, package) in packages {
        let kept = place(home, &package.sha256);
        let bytes = fs::read(&kept).map_err(|error| {
            failed("read", &kept)(error).why(format!("it is {name} {}", package.version))
        })?;
        if Digest::of(&bytes) != package.sha256 {
            let message = format!("the kept package of {name} {} is damaged", package.version);
            return Err(Failure::platform(message)
                .next(format!("remove {} and make the stack anew", kept.display())));
        }
        let target = to.join(&package.file);
        fs::hard_link(&kept, &target).map_err(failed("make", &target))?;
    }
    Ok(())
}

/// Removes what no record names. Gives back how many and how many bytes.
pub fn prune(home: &Home) -> Result<(u64, u64), Failure> {
    let records = record::list(home)?;
    let packages = records.iter().flat_map(|record| record.packages.values());
    let named: BTreeSet<Digest> = packages.map(|package| package.sha256).collect();
    let (mut count, mut bytes) = (0, 0);
    for path in record::entries(&folder(home))? {
        let is_named = record::digest_of(&path).is_none_or(|sha256| named.contains(&sha256));
        if !is_named {
            bytes += fs::metadata(&path).map_or(0, |meta| meta.len());
            count += 1;
            files::remove(&path)?;
        }
    }
    Ok((count, bytes))
}
