//! What of a Python app's dependencies is not pinned: another day's build would differ.

use super::super::tree::Tree;
use super::package_manager::{self, Manager};
use super::requirements::{self, Requirement};
use super::venv::FOLDER;
use super::{LIST, lists};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What a venv itself brings.
const OWN: [&str; 2] = ["pip", "setuptools"];

/// What pip installed beyond what the lists name: it is not pinned. A lock names all.
pub fn unlisted(tree: &Tree, app: &Path) -> Option<String> {
    if package_manager::of(tree).ok()? != Manager::Pip {
        return None;
    }
    let lists = lists(tree);
    let name = |requirement| match requirement {
        Requirement::Package { name, .. } => Some(normal(&name)),
        _ => None,
    };
    let listed = lists.values().flat_map(|text| requirements::parse(text)).filter_map(name);
    let own = OWN.map(String::from);
    let known: BTreeSet<String> = listed.chain(own).collect();
    let mut found: Vec<String> = installed(app)
        .into_iter()
        .filter(|(name, _)| !known.contains(&normal(name)))
        .map(|(name, version)| format!("{name}=={version}"))
        .collect();
    found.sort();
    let local = lists
        .values()
        .flat_map(|text| requirements::parse(text))
        .any(|r| matches!(r, Requirement::Local { .. }));
    (!found.is_empty() && !local).then(|| {
        let all = found.join(", ");
        format!("installed, but not in {LIST}: {all}; `pip freeze > {LIST}` pins them too")
    })
}

/// Name and version of each package in the venv.
fn installed(app: &Path) -> Vec<(String, String)> {
    let entries = |path: PathBuf| std::fs::read_dir(path).into_iter().flatten().flatten();
    let libraries =
        entries(app.join(FOLDER).join("lib")).map(|entry| entry.path().join("site-packages"));
    let of = |entry: std::fs::DirEntry| {
        let name = entry.file_name().into_string().ok()?;
        let (name, version) = name.strip_suffix(".dist-info")?.rsplit_once('-')?;
        Some((name.to_string(), version.to_string()))
    };
    libraries.flat_map(entries).filter_map(of).collect()
}

/// As packages are compared: `Foo_Bar` is `foo-bar`.
pub fn normal(name: &str) -> String {
    let parts = name.split(['-', '_', '.']).filter(|part| !part.is_empty());
    parts.collect::<Vec<_>>().join("-").to_ascii_lowercase()
}

pub fn warnings<'a>(lists: impl Iterator<Item = (&'a str, Vec<Requirement>)>) -> Vec<String> {
    let mut found = Vec::new();
    for (path, list) in lists {
        let loose = |requirement: &Requirement| match requirement {
            Requirement::Package { name, pinned: false, .. } => Some(name.clone()),
            _ => None,
        };
        let names: Vec<String> = list.iter().filter_map(loose).collect();
        if !names.is_empty() {
            let names = names.join(", ");
            found.push(format!(
                "{path} does not pin {names}: another day's build may differ; write `name==version`"
            ));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn packages_that_nobody_listed_are_named() {
        let app = tempfile::tempdir().unwrap();
        let site = app.path().join(".venv/lib/python3.12/site-packages");
        for name in ["Flask-3.0.0", "typing_extensions-4.1", "pip-23.2", "MarkupSafe-3.0.2"] {
            std::fs::create_dir_all(site.join(format!("{name}.dist-info"))).unwrap();
        }
        let text = "flask==3.0.0\nTyping.Extensions==4.1\n".to_string();
        let mut tree =
            Tree { texts: BTreeMap::from([(LIST.to_string(), text)]), ..Tree::default() };
        tree.names.insert(LIST.to_string());
        let warning = unlisted(&tree, app.path()).unwrap();
        assert!(
            warning.starts_with("installed, but not in requirements.txt: MarkupSafe==3.0.2;"),
            "{warning}"
        );
        tree.texts.insert(LIST.to_string(), "flask\ntyping-extensions\nmarkupsafe".to_string());
        assert_eq!(unlisted(&tree, app.path()), None);
    }
}
