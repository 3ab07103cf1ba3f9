//! All config of a release, and changes to it: pure, and comparing by name only.

use crate::app::{ConfigKey, Digest, Failure, Secret, did_you_mean, shell_word};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Name → value, everything a release's processes get.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConfigSnapshot(pub BTreeMap<ConfigKey, Secret<String>>);

/// What someone asked to change. Several at once make one release.
#[derive(Debug, Clone, Default)]
pub struct Change {
    pub set: Vec<(ConfigKey, Secret<String>)>,
    pub unset: Vec<ConfigKey>,
}

/// What a change really changed, sorted by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    pub set: Vec<ConfigKey>,
    pub unset: Vec<ConfigKey>,
}

impl Changed {
    /// Nothing changed: there is no reason for a release.
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.unset.is_empty()
    }
}

impl std::fmt::Display for Changed {
    /// `set A, B; unset C`
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let list = |names: &[ConfigKey]| {
            names.iter().map(ConfigKey::as_str).collect::<Vec<_>>().join(", ")
        };
        let set = (!self.set.is_empty()).then(|| format!("set {}", list(&self.set)));
        let unset = (!self.unset.is_empty()).then(|| format!("unset {}", list(&self.unset)));
        let parts: Vec<_> = set.into_iter().chain(unset).collect();
        f.write_str(&parts.join("; "))
    }
}

/// How two snapshots differ, by name, never by value.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConfigDiff {
    pub added: Vec<ConfigKey>,
    pub removed: Vec<ConfigKey>,
    pub changed: Vec<ConfigKey>,
}

impl ConfigDiff {
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }

    /// Compares by keyed digests, so that nothing has to be opened.
    pub fn between(
        old: &BTreeMap<&ConfigKey, Digest>,
        new: &BTreeMap<&ConfigKey, Digest>,
    ) -> ConfigDiff {
        let names = |keep: &dyn Fn(&ConfigKey, &Digest) -> bool,
                     of: &BTreeMap<&ConfigKey, Digest>| {
            of.iter()
                .filter(|(name, digest)| keep(name, digest))
                .map(|(name, _)| (*name).clone())
                .collect()
        };
        ConfigDiff {
            added: names(&|name, _| !old.contains_key(name), new),
            removed: names(&|name, _| !new.contains_key(name), old),
            changed: names(&|name, digest| old.get(name).is_some_and(|was| was != digest), new),
        }
    }
}

impl ConfigSnapshot {
    pub fn get(&self, name: &ConfigKey) -> Option<&Secret<String>> {
        self.0.get(name)
    }

    /// The snapshot after the change, and what that changed. Unsetting what is not set is an
    /// error; setting what is already so is not, it changes nothing.
    pub fn apply(&self, change: &Change) -> Result<(ConfigSnapshot, Changed), Failure> {
        let mut next = self.0.clone();
        for (name, value) in &change.set {
            check(name, value.reveal())?;
            next.insert(name.clone(), value.clone());
        }
        for name in &change.unset {
            if change.set.iter().any(|(set, _)| set == name) {
                return Err(Failure::usage(format!("{name} is both set and unset")));
            }
            if next.remove(name).is_none() {
                return Err(self.unknown(name));
            }
        }
        check_total(&next)?;
        let set = next.iter().filter(|(name, value)| self.0.get(*name) != Some(*value));
        let set = set.map(|(name, _)| name.clone()).collect();
        let unset = self.0.keys().filter(|name| !next.contains_key(*name)).cloned().collect();
        Ok((ConfigSnapshot(next), Changed { set, unset }))
    }

    /// The value of a name, or an error that helps with a slip.
    pub fn expect(&self, name: &ConfigKey) -> Result<&Secret<String>, Failure> {
        self.0.get(name).ok_or_else(|| self.unknown(name))
    }

    /// `A='…'` lines that a POSIX shell reads back to the very same values.
    pub fn to_shell(&self) -> Secret<String> {
        let line = |(name, value): (&ConfigKey, &Secret<String>)| {
            format!("{name}={}\n", shell_word(value.reveal()))
        };
        let lines = self.0.iter().map(line);
        Secret::new(lines.collect())
    }

    fn unknown(&self, name: &ConfigKey) -> Failure {
        let failure = Failure::usage(format!("{name} is not set"));
        match did_you_mean(name.as_str(), self.0.keys().map(ConfigKey::as_str)) {
            Some(near) => failure.next(format!("did you mean {near}?")),
            None => failure.next("`xii config` lists what is set"),
        }
    }
}

/// The most bytes of one value: far above any key file, below what exec takes (128 KiB).
const VALUE_LIMIT: usize = 64 * 1024;
const TOTAL_LIMIT: usize = 256 * 1024;

/// Whether a pair may be set, wherever it was read.
pub(super) fn check(name: &ConfigKey, value: &str) -> Result<(), Failure> {
    refuse_reserved(name)?;
    if value.contains('\0') {
        return Err(Failure::usage(format!("the value of {name} contains a NUL byte"))
            .why("the environment of a process cannot hold one")
            .next("encode the value, for example as base64"));
    }
    if value.len() > VALUE_LIMIT {
        let (size, limit) = (value.len().div_ceil(1024), VALUE_LIMIT / 1024);
        return Err(Failure::usage(format!(
            "the value of {name} is {size} KiB long; at most {limit} KiB are allowed"
        ))
        .next("keep large data in a file of the code or in a backing service"));
    }
    Ok(())
}

fn refuse_reserved(name: &ConfigKey) -> Result<(), Failure> {
    if !name.is_reserved() {
        return Ok(());
    }
    Err(Failure::usage(format!("{name} cannot be set: xii itself sets it for every process"))
        .next("choose another name; PORT, DYNO and names starting with XII_ are reserved"))
}

fn check_total(config: &BTreeMap<ConfigKey, Secret<String>>) -> Result<(), Failure> {
    let bytes = |(name, value): (&ConfigKey, &Secret<String>)| {
        name.as_str().len() + value.reveal().len() + 2
    };
    let total: usize = config.iter().map(bytes).sum();
    if total <= TOTAL_LIMIT {
        return Ok(());
    }
    Err(Failure::usage(format!("the config would be {} KiB in all", total.div_ceil(1024)))
        .why(format!("at most {} KiB fit into a process's environment", TOTAL_LIMIT / 1024))
        .next("keep large data in a file of the code or in a backing service"))
}
