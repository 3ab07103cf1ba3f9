//! A root made again from its kept packages, to show that it can be.

use super::super::files;
use super::making::{construct, lock, publish};
use super::record;
use super::wanted::Wanted;
use crate::app::{Digest, Failure};
use crate::store::Home;
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Of files that differ.
const NAMED: usize = 10;

/// Uses no network. The same digest, or a failure that names the first files that differ.
pub fn remake(home: &Home, digest: &Digest, said: &mut dyn FnMut(&str)) -> Result<(), Failure> {
    let _lock = lock(home)?;
    let known = record::known(home, digest)?.ok_or_else(|| unknown(home, digest))?;
    let made = construct(home, known.wanted.suite, &known.packages, said)?;
    if made.digest == *digest {
        publish(home, &known.wanted, known.packages, made)?;
        return Ok(());
    }
    let failure =
        Failure::platform(format!("the stack {} made again is another one", digest.short()))
            .why(format!("from the same packages it came out as {}", made.digest.short()));
    let place = super::super::stacks::place(home, digest);
    if !place.is_dir() {
        return Err(failure.why("the root itself is gone, so the files cannot be compared"));
    }
    let differing = differing(&place, &made.folder())?;
    let names: Vec<String> = differing.iter().map(|path| path.display().to_string()).collect();
    Err(failure.why(match names.is_empty() {
        true => "no file differs: the root has another digest than its name".to_string(),
        false => format!("these differ first: {}", names.join(", ")),
    }))
}

fn unknown(home: &Home, digest: &Digest) -> Failure {
    let wishes: BTreeSet<Wanted> =
        record::wishes(home).unwrap_or_default().into_iter().map(|wish| wish.wanted).collect();
    let failure = Failure::usage(format!("there is no stack {}", digest.short()));
    failure.next(match wishes.is_empty() {
        true => "no stack was made on this server yet".to_string(),
        false => "`xii stacks` lists them".to_string(),
    })
}

/// The first paths below both roots that are not the same.
fn differing(one: &Path, other: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut paths = BTreeSet::new();
    for root in [one, other] {
        files::walk(root, &mut |path, _| {
            paths.insert(path.strip_prefix(root).unwrap_or(path).to_path_buf());
            Ok(true)
        })?;
    }
    let differ = |path: &PathBuf| look(&one.join(path)) != look(&other.join(path));
    Ok(paths.into_iter().filter(differ).take(NAMED).collect())
}

/// Kind, mode and content; `None` where there is nothing.
fn look(path: &Path) -> Option<(bool, u32, Vec<u8>)> {
    let meta = std::fs::symlink_metadata(path).ok()?;
    let content = match () {
        () if meta.is_symlink() => {
            std::fs::read_link(path).ok()?.into_os_string().into_encoded_bytes()
        }
        () if meta.is_file() => std::fs::read(path).ok()?,
        () => Vec::new(),
    };
    Some((meta.is_dir(), meta.permissions().mode(), content))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn what_differs_is_named_whatever_differs() {
        let dir = tempfile::tempdir().unwrap();
        let (one, other) = (dir.path().join("one"), dir.path().join("other"));
        for root in [&one, &other] {
            fs::create_dir_all(root.join("same")).unwrap();
            for name in ["same/file", "content", "mode"] {
                fs::write(root.join(name), "x").unwrap();
            }
        }
        assert_eq!(differing(&one, &other).unwrap(), Vec::<PathBuf>::new());
        fs::write(other.join("content"), "y").unwrap();
        fs::set_permissions(other.join("mode"), fs::Permissions::from_mode(0o755)).unwrap();
        fs::write(one.join("same/only"), "").unwrap();
        std::os::unix::fs::symlink("a", one.join("link")).unwrap();
        std::os::unix::fs::symlink("b", other.join("link")).unwrap();
        let expected = ["content", "link", "mode", "same/only"].map(PathBuf::from);
        assert_eq!(differing(&one, &other).unwrap(), expected);
    }
}
