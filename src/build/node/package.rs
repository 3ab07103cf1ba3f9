//! What a package.json says, read leniently: npm itself ignores what it does not know.

use super::super::tree::Tree;
use crate::app::Failure;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// What npm, pnpm and Yarn run by themselves during an install in the app's own folder.
const LIFECYCLE: [&str; 7] =
    ["preinstall", "install", "postinstall", "prepublish", "preprepare", "prepare", "postprepare"];
/// What decides which packages an install brings, and what it notes down about the app.
const DECISIVE: [&str; 17] = [
    "name",
    "version",
    "dependencies",
    "devDependencies",
    "optionalDependencies",
    "peerDependencies",
    "peerDependenciesMeta",
    "bundleDependencies",
    "bundledDependencies",
    "dependenciesMeta",
    "engines",
    "packageManager",
    "overrides",
    "resolutions",
    "pnpm",
    "bin",
    "license",
];

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Package {
    all: Map<String, Value>,
}

impl Package {
    pub fn read(tree: &Tree) -> Result<Self, Failure> {
        let text = tree.text("package.json").unwrap_or("{}");
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        match serde_json::from_str(text) {
            Ok(Value::Object(all)) => Ok(Package { all }),
            Ok(_) => Err(Failure::usage("package.json is not an object")),
            Err(error) => Err(Failure::usage("package.json cannot be read").because(error)),
        }
    }

    /// `engines.node`, `engines.npm`, …
    pub fn engine(&self, name: &str) -> Option<&str> {
        self.all.get("engines")?.get(name)?.as_str()
    }

    /// `packageManager`: `pnpm@9.1.0+sha512.…` is (`pnpm`, `9.1.0`).
    pub fn manager(&self) -> Option<(&str, &str)> {
        let (name, version) = self.all.get("packageManager")?.as_str()?.split_once('@')?;
        Some((name, version.split('+').next().unwrap_or(version)))
    }

    pub fn script(&self, name: &str) -> Option<&str> {
        let script = self.all.get("scripts")?.get(name)?.as_str()?;
        (!script.trim().is_empty()).then_some(script)
    }

    pub fn has_lifecycle(&self) -> bool {
        LIFECYCLE.iter().any(|name| self.script(name).is_some())
    }

    pub fn has_workspaces(&self) -> bool {
        self.all.contains_key("workspaces")
    }

    /// Name → what is asked for.
    pub fn dependencies(&self) -> BTreeMap<&str, &str> {
        ["dependencies", "devDependencies", "optionalDependencies"]
            .iter()
            .filter_map(|kind| self.all.get(*kind)?.as_object())
            .flatten()
            .map(|(name, wanted)| (name.as_str(), wanted.as_str().unwrap_or_default()))
            .collect()
    }

    /// Whether what is asked for lies in the tree itself.
    pub fn has_local(&self) -> bool {
        let local = ["file:", "link:", "portal:", "workspace:", "patch:", "./", "../", "/", "~"];
        let is_local = |wanted: &&str| local.iter().any(|start| wanted.starts_with(start));
        self.dependencies().values().any(|wanted| is_local(wanted) && !is_tilde_range(wanted))
    }

    /// As one text, for the key of what an install leaves.
    pub fn decisive(&self) -> String {
        let parts: BTreeMap<&str, &Value> =
            DECISIVE.iter().filter_map(|name| Some((*name, self.all.get(*name)?))).collect();
        serde_json::to_string(&parts).unwrap_or_default()
    }
}

/// `~1.2.3` is a range, `~/folder` is not.
fn is_tilde_range(wanted: &str) -> bool {
    wanted.starts_with('~') && !wanted.starts_with("~/")
}

#[cfg(test)]
mod tests {
    use super::*;

    pub fn package(text: &str) -> Result<Package, Failure> {
        let texts = BTreeMap::from([("package.json".to_string(), text.to_string())]);
        Package::read(&Tree { texts, ..Tree::default() })
    }

    #[test]
    fn what_is_odd_is_ignored_and_what_is_no_json_refused() {
        let odd = package(r#"{"engines": ["node"], "scripts": {"start": 3, "build": " "}}"#);
        let odd = odd.unwrap();
        assert_eq!(
            (odd.engine("node"), odd.script("start"), odd.script("build")),
            (None, None, None)
        );
        let failure = package("{\"name\": }").unwrap_err();
        assert_eq!(failure.exit_code(), 2);
        assert!(failure.causes[0].contains("line 1 column"), "{failure:?}");
    }

    #[test]
    fn a_package_manager_is_named_with_its_version() {
        let named = package(r#"{"packageManager": "pnpm@9.1.0+sha512.aa"}"#).unwrap();
        assert_eq!(named.manager(), Some(("pnpm", "9.1.0")));
        assert_eq!(package(r#"{"packageManager": "pnpm"}"#).unwrap().manager(), None);
    }

    #[test]
    fn a_dependency_in_the_tree_is_seen() {
        for (wanted, local) in [
            ("file:../x", true),
            ("link:./x", true),
            ("workspace:*", true),
            ("~/x", true),
            ("~1.2.3", false),
            ("^1.0.0", false),
            ("github:a/b", false),
        ] {
            let text = format!(r#"{{"dependencies": {{"x": "{wanted}"}}}}"#);
            assert_eq!(package(&text).unwrap().has_local(), local, "{wanted}");
        }
    }
}
