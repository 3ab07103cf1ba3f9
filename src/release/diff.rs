//! What differs between two releases: names and commands, never config values.

use super::record::{Attachment, Commit, Release, Stack};
use crate::app::{Digest, ManifestTexts};
use crate::config::ConfigDiff;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Old and new, where they differ.
pub type Pair<T> = Option<(T, T)>;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReleaseDiff {
    pub build: Pair<Option<Digest>>,
    pub stack: Pair<Stack>,
    pub commit: Pair<Option<Commit>>,
    pub config: ConfigDiff,
    /// By process type.
    pub commands: Vec<Setting>,
    /// Keys of xii.toml and app.json, such as `xii.toml process.web.memory`.
    pub settings: Vec<Setting>,
    pub attachments: Pair<Vec<Attachment>>,
}

/// A named text that is new, gone or other than before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    pub name: String,
    pub old: Option<String>,
    pub new: Option<String>,
}

impl std::fmt::Display for Setting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "(none)".to_string());
        write!(f, "{}: {} → {}", self.name, text(&self.old), text(&self.new))
    }
}

impl ReleaseDiff {
    pub fn is_empty(&self) -> bool {
        *self == ReleaseDiff::default()
    }

    /// For people, a line for each difference; never a value of config.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let short = |build: &Option<Digest>| build.map_or("none".to_string(), |b| b.short());
        let commit = |commit: &Option<Commit>| match commit {
            Some(commit) => format!("{:.7} {}", commit.id, commit.subject),
            None => "none".to_string(),
        };
        if let Some((old, new)) = &self.commit {
            lines.push(format!("commit    {} → {}", commit(old), commit(new)));
        }
        if let Some((old, new)) = &self.build {
            lines.push(format!("build     {} → {}", short(old), short(new)));
        }
        if let Some((old, new)) = &self.stack {
            lines.push(format!("stack     {} → {}", old.name, new.name));
        }
        lines.extend(self.config.added.iter().map(|name| format!("config    + {name}")));
        lines.extend(self.config.removed.iter().map(|name| format!("config    - {name}")));
        lines.extend(self.config.changed.iter().map(|name| format!("config    ~ {name}")));
        lines.extend(self.commands.iter().map(|setting| format!("command   {setting}")));
        lines.extend(self.settings.iter().map(|setting| format!("setting   {setting}")));
        if self.attachments.is_some() {
            lines.push("resources differ".to_string());
        }
        lines
    }
}

/// Both must be of one home: config is compared by digests under its key.
pub fn diff(old: &Release, new: &Release) -> ReleaseDiff {
    ReleaseDiff {
        build: pair(&old.build, &new.build),
        stack: pair(&old.stack, &new.stack),
        commit: pair(&old.commit, &new.commit),
        config: ConfigDiff::between(&old.config.digests(), &new.config.digests()),
        commands: changes(&commands(old), &commands(new)),
        settings: changes(&settings(&old.manifests), &settings(&new.manifests)),
        attachments: pair(&old.attachments, &new.attachments),
    }
}

fn pair<T: PartialEq + Clone>(old: &T, new: &T) -> Pair<T> {
    (old != new).then(|| (old.clone(), new.clone()))
}

fn commands(release: &Release) -> BTreeMap<String, String> {
    release.commands.iter().map(|(name, command)| (name.to_string(), command.clone())).collect()
}

fn changes(old: &BTreeMap<String, String>, new: &BTreeMap<String, String>) -> Vec<Setting> {
    let names: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    let setting = |name: &String| Setting {
        name: name.clone(),
        old: old.get(name).cloned(),
        new: new.get(name).cloned(),
    };
    let changed = |setting: &Setting| setting.old != setting.new;
    names.into_iter().map(setting).filter(changed).collect()
}

/// Every leaf of both files under its path. A file that does not parse is one leaf.
fn settings(manifests: &ManifestTexts) -> BTreeMap<String, String> {
    let mut leaves = BTreeMap::new();
    if let Some(text) = &manifests.xii_toml {
        let parsed = toml::from_str::<serde_json::Value>(text).ok();
        add("xii.toml", text, parsed, &mut leaves);
    }
    if let Some(text) = &manifests.app_json {
        add("app.json", text, serde_json::from_str(text).ok(), &mut leaves);
    }
    leaves
}

fn add(
    file: &str,
    text: &str,
    parsed: Option<serde_json::Value>,
    leaves: &mut BTreeMap<String, String>,
) {
    match parsed {
        Some(serde_json::Value::Object(top)) => {
            top.iter().for_each(|(key, value)| flatten(&format!("{file} {key}"), value, leaves));
        }
        _ => drop(leaves.insert(file.to_string(), text.to_string())),
    }
}

fn flatten(path: &str, value: &serde_json::Value, leaves: &mut BTreeMap<String, String>) {
    match value {
        serde_json::Value::Object(inner) if !inner.is_empty() => {
            inner.iter().for_each(|(key, value)| flatten(&format!("{path}.{key}"), value, leaves));
        }
        serde_json::Value::String(text) => drop(leaves.insert(path.to_string(), text.clone())),
        other => drop(leaves.insert(path.to_string(), other.to_string())),
    }
}
