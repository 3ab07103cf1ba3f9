//! What a stage made, kept for the next build of the same app with the same inputs:
//! `cache/<app>/layers/<key>`, and its digest in `cache/<app>/digests/<key>`. Never bound into
//! a sandbox, so no build can write another's.

use super::files::{self, TmpDir, failed};
use super::plan::Layer;
use super::stacks;
use crate::app::Failure;
use crate::sandbox::User;
use crate::store::Home;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Of each app; the one used longest ago goes first.
const KEPT: usize = 3;

fn place(cache: &Path, layer: &Layer) -> PathBuf {
    cache.join("layers").join(layer.key.to_string())
}

fn note(cache: &Path, layer: &Layer) -> PathBuf {
    cache.join("digests").join(layer.key.to_string())
}

/// A kept layer that is not what was kept goes, before a build is made of it. True if one did.
pub fn drop_damaged(home: &Home, cache: &Path, layer: &Layer) -> Result<bool, Failure> {
    let Some(place) = find(home, cache, layer) else { return Ok(false) };
    let digest = match layer.shared {
        true => stacks::made(home, &layer.key),
        false => fs::read_to_string(note(cache, layer)).ok().and_then(|text| text.parse().ok()),
    };
    // A tree that cannot be read is damaged too.
    if digest.is_some() && crate::codebase::tree_digest(&place).ok() == digest {
        return Ok(false);
    }
    let aside = TmpDir::new(&home.tmp(), "layer")?;
    fs::rename(&place, aside.path().join("damaged")).map_err(failed("move", &place))?;
    Ok(true)
}

/// Where the layer lies, if it is kept.
pub fn find(home: &Home, cache: &Path, layer: &Layer) -> Option<PathBuf> {
    match layer.shared {
        true => stacks::made(home, &layer.key).map(|digest| stacks::place(home, &digest)),
        false => Some(place(cache, layer)).filter(|place| place.is_dir()),
    }
}

/// Puts a kept layer into the app.
pub fn restore(from: &Path, layer: &Layer, app: &Path, user: Option<&User>) -> Result<(), Failure> {
    let to = app.join(&layer.path);
    files::remove(&to)?;
    files::copy(from, &to, &|_| true)?;
    if let Some(user) = user {
        files::give_to(&to, user)?;
    }
    if !layer.shared {
        // Only the order in which layers go depends on it.
        let _ = fs::File::open(from).and_then(|folder| folder.set_modified(SystemTime::now()));
    }
    Ok(())
}

pub fn keep(cache: &Path, tmp: &Path, layer: &Layer, app: &Path) -> Result<(), Failure> {
    let layers = cache.join("layers");
    fs::create_dir_all(&layers).map_err(failed("make", &layers))?;
    let copy = TmpDir::new(tmp, "layer")?;
    let root = copy.path().join("root");
    files::copy(&app.join(&layer.path), &root, &|_| true)?;
    files::make_plain(&root)?;
    let note = note(cache, layer);
    let digests = cache.join("digests");
    fs::create_dir_all(&digests).map_err(failed("make", &digests))?;
    // Publishing syncs it too.
    let digest = crate::codebase::tree_digest(&root)?.to_string();
    fs::write(&note, digest).map_err(failed("write", &note))?;
    files::publish(&root, &place(cache, layer))?;
    prune(&layers, &digests)
}

fn prune(layers: &Path, digests: &Path) -> Result<(), Failure> {
    let mut found: Vec<(SystemTime, PathBuf)> = Vec::new();
    for entry in fs::read_dir(layers).map_err(failed("list", layers))? {
        let path = entry.map_err(failed("list", layers))?.path();
        let used = fs::symlink_metadata(&path).and_then(|meta| meta.modified());
        found.push((used.unwrap_or(SystemTime::UNIX_EPOCH), path));
    }
    found.sort();
    let surplus = found.len().saturating_sub(KEPT);
    found.iter().take(surplus).try_for_each(|(_, path)| {
        files::remove(path)?;
        files::remove(&digests.join(path.file_name().unwrap_or_default()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::Digest;

    fn layer(content: &str) -> Layer {
        Layer {
            path: ".venv".into(),
            key: Digest::of(content.as_bytes()),
            shared: false,
            inputs: Vec::new(),
        }
    }

    #[test]
    fn a_kept_layer_comes_back_and_replaces_what_is_there() {
        let dir = tempfile::tempdir().unwrap();
        let (cache, tmp, app) =
            (dir.path().join("cache"), dir.path().join("tmp"), dir.path().join("app"));
        fs::create_dir_all(app.join(".venv")).unwrap();
        fs::write(app.join(".venv/one"), "1").unwrap();
        let home = Home::open(&dir.path().join("home"), &dir.path().join("run")).unwrap();
        assert_eq!(find(&home, &cache, &layer("a")), None);
        keep(&cache, &tmp, &layer("a"), &app).unwrap();
        files::remove(&app.join(".venv")).unwrap();
        std::os::unix::fs::symlink("/etc", app.join(".venv")).unwrap();
        let kept = find(&home, &cache, &layer("a")).unwrap();
        restore(&kept, &layer("a"), &app, None).unwrap();
        assert_eq!(fs::read_to_string(app.join(".venv/one")).unwrap(), "1");
        assert_eq!(fs::read_dir(&tmp).unwrap().count(), 0, "nothing is left in tmp");
    }

    #[test]
    fn a_damaged_layer_is_dropped_and_a_whole_one_stays() {
        let dir = tempfile::tempdir().unwrap();
        let (cache, app) = (dir.path().join("cache"), dir.path().join("app"));
        fs::create_dir_all(app.join(".venv/lib")).unwrap();
        fs::write(app.join(".venv/lib/one"), "1").unwrap();
        let home = Home::open(&dir.path().join("home"), &dir.path().join("run")).unwrap();
        let layer = layer("a");
        let damages: [&dyn Fn(&Path); 4] = [
            &|place| fs::write(place.join("lib/one"), "2").unwrap(),
            &|place| fs::remove_file(place.join("lib/one")).unwrap(),
            &|place| fs::write(place.join("added"), "").unwrap(),
            &|_| fs::write(note(&cache, &layer), "x").unwrap(),
        ];
        for damage in damages {
            assert!(!drop_damaged(&home, &cache, &layer).unwrap(), "there is none");
            keep(&cache, &home.tmp(), &layer, &app).unwrap();
            assert!(!drop_damaged(&home, &cache, &layer).unwrap());
            assert!(find(&home, &cache, &layer).is_some());
            damage(&place(&cache, &layer));
            assert!(drop_damaged(&home, &cache, &layer).unwrap());
            assert_eq!(find(&home, &cache, &layer), None);
        }
        assert_eq!(fs::read_dir(home.tmp()).unwrap().count(), 0);
    }

    #[test]
    fn the_layers_used_last_stay() {
        let dir = tempfile::tempdir().unwrap();
        let app = dir.path().join("app");
        fs::create_dir_all(app.join(".venv")).unwrap();
        for name in ["a", "b", "c", "d"] {
            keep(dir.path(), &dir.path().join("tmp"), &layer(name), &app).unwrap();
            let past =
                SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(name.as_bytes()[0].into());
            fs::File::open(place(dir.path(), &layer(name))).unwrap().set_modified(past).unwrap();
        }
        keep(dir.path(), &dir.path().join("tmp"), &layer("e"), &app).unwrap();
        let there = |name| place(dir.path(), &layer(name)).exists();
        assert!(!there("a") && !there("b") && there("c") && there("d") && there("e"));
    }
}
