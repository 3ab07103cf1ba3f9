//! `cache/<app>`: what an app's builds keep for the next one. Nobody else's builds see it, its
//! size is bounded, and it may be gone at any time.

use super::disk::{Used, measure};
use super::files::{self, failed};
use crate::app::{AppName, Failure, format_size};
use crate::store::Home;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Of the tools' own caches, which grow with each version of each dependency.
pub const MOST_CACHE: u64 = 2 << 30;

/// Made, and closed to everybody but its owner and what it is bound into.
pub fn open(home: &Home, app: &AppName) -> Result<(), Failure> {
    let cache = home.cache(app);
    for folder in [cache.clone(), cache.join("tools")] {
        fs::create_dir_all(&folder).map_err(failed("make", &folder))?;
        fs::set_permissions(&folder, Permissions::from_mode(0o700))
            .map_err(failed("change", &folder))?;
    }
    Ok(())
}

/// After a build: takes away whole tools' caches, the largest first, until the rest fits; says
/// what went. Not the oldest files: tools take theirs for complete, and one with holes fails
/// the next build where an empty one only slows it down.
pub fn trim(home: &Home, app: &AppName, most: u64) -> Result<Vec<String>, Failure> {
    let cache = home.cache(app);
    let lock = cache.join("lock");
    let file = fs::File::options().create(true).append(true).open(&lock);
    let file = file.map_err(failed("open", &lock))?;
    // Another build of the app is under way; it looks at its own end.
    if file.try_lock().is_err() {
        return Ok(Vec::new());
    }
    let tools = sizes(&cache.join("tools"))?;
    let mut gone = Vec::new();
    for (path, size) in surplus(tools, most) {
        files::remove(&path)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        gone.push(format!("{name} ({})", format_size(size >> 20 << 20)));
    }
    Ok(gone)
}

/// With everything in it.
pub fn remove(home: &Home, app: &AppName) -> Result<(), Failure> {
    files::remove(&home.cache(app))
}

/// The apps that have one.
pub fn owners(home: &Home) -> Result<Vec<AppName>, Failure> {
    let caches = home.caches();
    let entries = match fs::read_dir(&caches) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        found => found.map_err(failed("list", &caches))?,
    };
    let names = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    Ok(names.filter_map(|name| name.parse().ok()).collect())
}

fn sizes(tools: &Path) -> Result<Vec<(PathBuf, u64)>, Failure> {
    let any = Used { bytes: u64::MAX, files: u64::MAX };
    let entries = match fs::read_dir(tools) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        found => found.map_err(failed("list", tools))?,
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed("list", tools))?.path();
        let meta = fs::symlink_metadata(&path).map_err(failed("look at", &path))?;
        // A link may lead to all of the host's files, and is not followed.
        let size = match meta.is_dir() {
            true => measure(std::slice::from_ref(&path), any).bytes,
            false => meta.len(),
        };
        found.push((path, size));
    }
    Ok(found)
}

/// What has to go.
fn surplus(mut tools: Vec<(PathBuf, u64)>, most: u64) -> Vec<(PathBuf, u64)> {
    tools.sort_by(|(one, small), (other, large)| large.cmp(small).then(one.cmp(other)));
    let mut all: u64 = tools.iter().map(|(_, size)| size).sum();
    let goes = tools.into_iter().take_while(|(_, size)| {
        let over = all > most;
        all -= size;
        over
    });
    goes.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn home() -> (tempfile::TempDir, Home, AppName) {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::open(&dir.path().join("home"), &dir.path().join("run")).unwrap();
        (dir, home, "shop".parse().unwrap())
    }

    #[test]
    fn the_largest_go_first_and_no_more_than_must() {
        let tools = |sizes: &[u64]| -> Vec<(PathBuf, u64)> {
            let named = sizes.iter().enumerate();
            named.map(|(index, size)| (index.to_string().into(), *size)).collect()
        };
        let gone = |sizes: &[u64], most| -> Vec<u64> {
            surplus(tools(sizes), most).into_iter().map(|(_, size)| size).collect()
        };
        assert_eq!(gone(&[3, 9, 5], 17), Vec::<u64>::new());
        assert_eq!(gone(&[3, 9, 5], 16), [9]);
        assert_eq!(gone(&[3, 9, 5], 7), [9, 5]);
        assert_eq!(gone(&[3, 9, 5], 0), [9, 5, 3]);
    }

    #[test]
    fn a_cache_is_closed_bounded_and_goes_with_its_app() {
        let (_dir, home, app) = home();
        open(&home, &app).unwrap();
        let cache = home.cache(&app);
        let mode = fs::metadata(&cache).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o700);
        fs::create_dir_all(cache.join("tools/pip/deep")).unwrap();
        fs::create_dir_all(cache.join("tools/npm")).unwrap();
        fs::write(cache.join("tools/pip/deep/file"), vec![1; 3 << 20]).unwrap();
        fs::write(cache.join("tools/npm/file"), vec![1; 1 << 20]).unwrap();
        assert_eq!(trim(&home, &app, 8 << 20).unwrap(), Vec::<String>::new());
        assert_eq!(trim(&home, &app, 2 << 20).unwrap(), ["pip (3M)"]);
        assert!(cache.join("tools/npm/file").exists() && !cache.join("tools/pip").exists());
        remove(&home, &app).unwrap();
        assert!(!cache.exists());
        remove(&home, &app).unwrap();
    }

    #[test]
    fn a_cache_in_use_is_left_alone() {
        let (_dir, home, app) = home();
        open(&home, &app).unwrap();
        fs::write(home.cache(&app).join("tools/file"), "12").unwrap();
        let held = fs::File::create(home.cache(&app).join("lock")).unwrap();
        held.lock().unwrap();
        assert_eq!(trim(&home, &app, 0).unwrap(), Vec::<String>::new());
        drop(held);
        assert_eq!(trim(&home, &app, 0).unwrap().len(), 1);
    }
}
