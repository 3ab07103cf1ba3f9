//! The bundled apps: the same files as in `examples/`, carried by the binary.

use crate::app::{AppName, Failure};
use std::path::Path;

pub struct Example {
    pub name: &'static str,
    pub title: &'static str,
    files: &'static [(&'static str, &'static [u8])],
    /// The file whose heading the second version changes.
    page: &'static str,
    /// What the heading of the first version holds, and what only that of the second does.
    pub first: &'static str,
    pub second: &'static str,
}

macro_rules! files {
    ($folder:literal: $($file:literal)*) => {
        &[$(($file, include_bytes!(concat!("../../../../examples/", $folder, "/", $file)))),*]
    };
}

pub const GUESTBOOK: Example = Example {
    name: "guestbook",
    title: "guestbook",
    files: files!("guestbook": ".gitignore" "Procfile" "README.md" "app.json" "app.py" "book.py" "migrate.py"
        "page.html" "requirements.txt" "worker.py" "xii.toml"),
    page: "page.html",
    first: "Guestbook",
    second: "second edition",
};

pub const STATIC: Example = Example {
    name: "static",
    title: "static page",
    files: files!("static": "404.html" "icon.svg" "index.html" "style.css"),
    page: "index.html",
    first: "Twelve small rules",
    second: "second edition",
};

impl Example {
    pub fn app(&self) -> Result<AppName, Failure> {
        self.name.parse().map_err(|error| Failure::internal("a bundled name").because(error))
    }

    pub fn write(&self, folder: &Path) -> Result<(), Failure> {
        for (name, bytes) in self.files {
            let path = folder.join(name);
            let parent = path.parent().unwrap_or(folder);
            std::fs::create_dir_all(parent).map_err(|error| cannot("write", parent, error))?;
            std::fs::write(&path, bytes).map_err(|error| cannot("write", &path, error))?;
        }
        Ok(())
    }

    /// Edits the page, as its developer would.
    pub fn change(&self, folder: &Path) -> Result<(), Failure> {
        let path = folder.join(self.page);
        let page = std::fs::read_to_string(&path).map_err(|error| cannot("read", &path, error))?;
        let changed = page.replacen("</h1>", &format!(", {}</h1>", self.second), 1);
        std::fs::write(&path, changed).map_err(|error| cannot("write", &path, error))
    }
}

fn cannot(verb: &str, path: &Path, error: std::io::Error) -> Failure {
    Failure::platform(format!("cannot {verb} {}", path.display())).because(error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_second_version_says_what_the_first_does_not() {
        for example in [GUESTBOOK, STATIC] {
            let folder = tempfile::tempdir().unwrap();
            example.write(folder.path()).unwrap();
            let page = || std::fs::read_to_string(folder.path().join(example.page)).unwrap();
            assert!(page().contains(example.first) && !page().contains(example.second));
            example.change(folder.path()).unwrap();
            assert!(page().contains(example.second));
        }
    }

    #[test]
    fn every_file_of_the_examples_is_bundled() {
        for example in [GUESTBOOK, STATIC] {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(example.name);
            let bundled: BTreeSet<_> =
                example.files.iter().map(|(name, _)| folder.join(name)).collect();
            let mut found = BTreeSet::new();
            let mut folders = vec![folder];
            while let Some(folder) = folders.pop() {
                for entry in std::fs::read_dir(folder).unwrap() {
                    let path = entry.unwrap().path();
                    match path.is_dir() {
                        // What running the example by hand leaves behind.
                        true if path.ends_with("__pycache__") || path.ends_with(".venv") => {}
                        true => folders.push(path),
                        false => _ = found.insert(path),
                    }
                }
            }
            assert_eq!(bundled, found, "{}", example.name);
        }
    }
}
