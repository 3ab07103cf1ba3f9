//! What a stage made, kept for the next build of the same app with the same inputs:
//! `cache/<app>/layers/<key>`. Never bound into a sandbox, so no build can write another's.

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
    files::publish(&root, &place(cache, layer))?;
    prune(&layers)
}

fn prune(layers: &Path) -> Result<(), Failure> {
    let mut found: Vec<(SystemTime, PathBuf)> = Vec::new();
    for entry in fs::read_dir(layers).map_err(failed("list", layers))? {
        let path = entry.map_err(failed("list", layers))?.path();
        let used = fs::symlink_metadata(&path).and_then(|meta| meta.modified());
        found.push((used.unwrap_or(SystemTime::UNIX_EPOCH), path));
    }
    found.sort();
    let surplus = found.len().saturating_sub(KEPT);
    found.iter().take(surplus).try_for_each(|(_, path)| files::remove(path))
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
