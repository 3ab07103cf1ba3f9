//! What a lock or a list names, read just far enough to plan. The package manager itself is
//! the judge of it: one that cannot be read here names nothing.

use super::super::tree::Tree;
use super::package_manager::Manager;
use super::requirements::{self, Requirement};
use super::{lists, pins::normal, project};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Locked {
    /// As packages are compared: `flask-login`.
    pub names: BTreeSet<String>,
    /// Something is installed from the checkout itself, so that what is installed follows
    /// the sources.
    pub local: bool,
}

pub fn read(tree: &Tree, manager: Manager) -> Locked {
    let lock = tree.text(manager.lock()).unwrap_or_default();
    match manager {
        Manager::Pip => of_lists(tree),
        Manager::Uv => of_packages(lock),
        Manager::Poetry => {
            let project = project::read(tree).unwrap_or_default();
            let package_mode = project.tool.poetry.and_then(|poetry| poetry.package_mode);
            let found = of_packages(lock);
            Locked { local: found.local || package_mode != Some(false), ..found }
        }
        Manager::Pipenv => of_pipenv(lock),
    }
}

fn of_lists(tree: &Tree) -> Locked {
    let mut found = Locked::default();
    for requirement in lists(tree).values().flat_map(|text| requirements::parse(text)) {
        match requirement {
            Requirement::Package { name, .. } => _ = found.names.insert(normal(&name)),
            Requirement::Local { .. } => found.local = true,
            Requirement::Include { .. } | Requirement::Option { .. } => {}
        }
    }
    found
}

#[derive(Default, Deserialize)]
struct Lock {
    #[serde(default)]
    package: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    #[serde(default)]
    source: BTreeMap<String, toml::Value>,
}

/// uv.lock says `source = { editable = "." }`, poetry.lock `type = "directory"`.
fn of_packages(text: &str) -> Locked {
    let lock: Lock = toml::from_str(text).unwrap_or_default();
    let is_local = |package: &Package| {
        let of_poetry = package.source.get("type").and_then(toml::Value::as_str);
        ["editable", "directory", "path"].iter().any(|key| package.source.contains_key(*key))
            || of_poetry.is_some_and(|kind| kind == "directory" || kind == "file")
    };
    let local = lock.package.iter().any(is_local);
    Locked { names: lock.package.iter().map(|package| normal(&package.name)).collect(), local }
}

fn of_pipenv(text: &str) -> Locked {
    let lock: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
    let packages = lock.get("default").and_then(serde_json::Value::as_object);
    let mut found = Locked::default();
    for (name, package) in packages.into_iter().flatten() {
        found.names.insert(normal(name));
        let keys = ["path", "file", "editable"];
        found.local |= keys.iter().any(|key| package.get(key).is_some());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(manager: Manager, name: &str, text: &str, pyproject: &str) -> (String, bool) {
        let texts = [(name, text), ("pyproject.toml", pyproject)];
        let texts = texts.map(|(name, text)| (name.to_string(), text.to_string())).into();
        let locked = read(&Tree { texts, ..Tree::default() }, manager);
        (locked.names.into_iter().collect::<Vec<_>>().join(" "), locked.local)
    }

    #[test]
    fn each_kind_of_lock_names_its_packages_and_what_is_local() {
        let package = |source: &str| {
            format!(
                "[[package]]\nname = \"My_App\"\n{source}\n[[package]]\nname = \"django\"\nsource = {{ registry = \"https://example.org/simple\" }}\n"
            )
        };
        let uv = |source: &str| found(Manager::Uv, "uv.lock", &package(source), "");
        assert_eq!(uv("source = { virtual = \".\" }"), ("django my-app".into(), false));
        assert_eq!(uv("source = { editable = \".\" }"), ("django my-app".into(), true));
        let poetry = |source: &str, project| {
            found(Manager::Poetry, "poetry.lock", &package(source), project)
        };
        let no_package = "[tool.poetry]\npackage-mode = false\n";
        assert_eq!(poetry("", no_package), ("django my-app".into(), false));
        assert!(poetry("", "").1, "Poetry installs the project by itself");
        assert!(poetry("[package.source]\ntype = \"directory\"", no_package).1);
        let pipenv = |text: &str| found(Manager::Pipenv, "Pipfile.lock", text, "");
        let lock = r#"{"default": {"Flask": {"version": "==3.0.0"}}, "develop": {"pytest": {}}}"#;
        assert_eq!(pipenv(lock), ("flask".into(), false));
        assert!(pipenv(r#"{"default": {"a": {"editable": true, "path": "."}}}"#).1);
        assert_eq!(
            found(Manager::Pip, "requirements.txt", "Flask_Login==1\n-e .\n", ""),
            ("flask-login".into(), true)
        );
    }

    #[test]
    fn a_lock_that_cannot_be_read_names_nothing() {
        for manager in [Manager::Uv, Manager::Pipenv] {
            assert_eq!(found(manager, manager.lock(), "<<<<<<< HEAD", ""), (String::new(), false));
        }
    }
}
