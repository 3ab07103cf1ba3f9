//! What app.json's `env` asks for, held against what is set: pure, by name.

use super::{Change, ConfigSnapshot};
use crate::app::{ConfigKey, DeployName, DeployRef, EnvEntry, Failure, Secret};
use std::collections::{BTreeMap, BTreeSet};

/// What a config lacks of what its code declares; each list is sorted by name.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Lacking {
    /// To be set to what app.json says.
    pub values: Vec<(ConfigKey, Secret<String>)>,
    /// To be set to a random value.
    pub generated: Vec<ConfigKey>,
    /// Required, with nothing to set it to; and what it is for.
    pub missing: Vec<(ConfigKey, Option<String>)>,
}

/// `known`: the names that the code before this declared already. One of them that is not
/// set and not required was unset on purpose, and is not offered again.
pub fn lacking(
    config: &ConfigSnapshot,
    declared: &BTreeMap<ConfigKey, EnvEntry>,
    known: &BTreeSet<ConfigKey>,
) -> Lacking {
    let mut lacking = Lacking::default();
    for (name, entry) in declared {
        let unset_on_purpose = !entry.required && known.contains(name);
        if config.get(name).is_some() || unset_on_purpose {
            continue;
        }
        // A required variable with an empty value is a blank to fill in.
        let value = entry.value.as_ref().filter(|value| !(entry.required && value.is_empty()));
        match value {
            Some(value) => lacking.values.push((name.clone(), Secret::new(value.clone()))),
            None if entry.generated => lacking.generated.push(name.clone()),
            None if entry.required => {
                lacking.missing.push((name.clone(), entry.description.clone()));
            }
            None => {}
        }
    }
    lacking
}

impl Lacking {
    /// Sets what can be set.
    pub fn change(&self) -> Result<Change, Failure> {
        let mut set = self.values.clone();
        for name in &self.generated {
            set.push((name.clone(), random()?));
        }
        Ok(Change { set, unset: Vec::new() })
    }

    /// For people, a line for each name, never a value.
    pub fn lines(&self) -> Vec<String> {
        let values = self.values.iter().map(|(name, _)| format!("config: set {name}, app.json's"));
        let generated = self.generated.iter().map(|name| format!("config: set {name}, random"));
        let missing =
            self.missing.iter().map(|missing| format!("config: missing {}", say(missing)));
        values.chain(generated).chain(missing).collect()
    }

    /// Code that cannot run without a variable is not built for a deploy without it.
    /// `exists`: whether the deploy does, so that its config can be set.
    pub fn refuse_missing(&self, deploy: &DeployRef, exists: bool) -> Result<(), Failure> {
        if self.missing.is_empty() {
            return Ok(());
        }
        let names: Vec<String> = self.missing.iter().map(|(name, _)| format!("{name}=…")).collect();
        let to = match deploy.deploy == DeployName::production() {
            true => format!("-a {}", deploy.app),
            false => format!("-a {} -d {}", deploy.app, deploy.deploy),
        };
        let set = format!("xii config set {} {to}", names.join(" "));
        let create = to.replacen("-a ", "xii create ", 1);
        let descriptions: Vec<String> = self.missing.iter().map(say).collect();
        Err(Failure::usage(format!("{deploy} lacks config that app.json requires"))
            .why(format!("it is not set:\n{}", descriptions.join("\n")))
            .next(if exists { set } else { format!("{create}\n{set}") }))
    }
}

/// `API_KEY (the key of the map service)`
fn say((name, description): &(ConfigKey, Option<String>)) -> String {
    match description {
        Some(description) => format!("{name} ({description})"),
        None => name.to_string(),
    }
}

/// 256 bits in hexadecimal digits, which survive every shell and every URL.
fn random() -> Result<Secret<String>, Failure> {
    let mut bytes = [0u8; 32];
    getrandom::fill(&mut bytes).map_err(|error| {
        Failure::platform("the kernel gives no random bytes for a secret").because(error)
    })?;
    Ok(Secret::new(bytes.iter().map(|byte| format!("{byte:02x}")).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> ConfigKey {
        name.parse().unwrap()
    }

    fn entry(value: Option<&str>, required: bool, generated: bool) -> EnvEntry {
        let description = Some("what for".to_string());
        EnvEntry { value: value.map(str::to_string), description, required, generated }
    }

    fn of(entry: EnvEntry, set: bool, known: bool) -> String {
        let config = if set { vec![(key("A"), Secret::new("mine".to_string()))] } else { vec![] };
        let config = ConfigSnapshot(config.into_iter().collect());
        let known = if known { BTreeSet::from([key("A")]) } else { BTreeSet::new() };
        let lacking = lacking(&config, &[(key("A"), entry)].into(), &known);
        match (&lacking.values[..], lacking.generated.len(), lacking.missing.len()) {
            ([(_, value)], 0, 0) => format!("={}", value.reveal()),
            ([], 1, 0) => "random".to_string(),
            ([], 0, 1) => "missing".to_string(),
            ([], 0, 0) => "nothing".to_string(),
            _ => panic!("{lacking:?}"),
        }
    }

    #[test]
    fn every_kind_of_entry_does_what_it_says() {
        // Value, required, generated → new, known before.
        let table = [
            (Some("x"), true, false, "=x", "=x"),
            (Some("x"), false, false, "=x", "nothing"),
            (Some("x"), true, true, "=x", "=x"),
            (Some(""), true, false, "missing", "missing"),
            (Some(""), true, true, "random", "random"),
            (Some(""), false, false, "=", "nothing"),
            (None, true, true, "random", "random"),
            (None, false, true, "random", "nothing"),
            (None, true, false, "missing", "missing"),
            (None, false, false, "nothing", "nothing"),
        ];
        for (value, required, generated, new, known) in table {
            let entry = entry(value, required, generated);
            assert_eq!(of(entry.clone(), false, false), new, "{entry:?}");
            assert_eq!(of(entry.clone(), false, true), known, "{entry:?}");
            assert_eq!(of(entry.clone(), true, false), "nothing", "set: {entry:?}");
        }
    }

    #[test]
    fn random_values_are_64_digits_and_never_the_same() {
        let wanted = Lacking { generated: vec![key("A"), key("B")], ..Lacking::default() };
        let set = wanted.change().unwrap().set;
        let values: Vec<&str> = set.iter().map(|(_, value)| value.reveal().as_str()).collect();
        assert!(values.iter().all(|v| v.len() == 64 && v.bytes().all(|b| b.is_ascii_hexdigit())));
        assert_ne!(values[0], values[1]);
    }

    #[test]
    fn what_is_missing_is_named_with_the_line_that_mends_it() {
        let declared =
            [(key("A"), entry(None, true, false)), (key("B"), entry(Some(""), true, false))];
        let lacking = lacking(&ConfigSnapshot::default(), &declared.into(), &BTreeSet::new());
        let refused = |deploy: &str, exists| {
            lacking.refuse_missing(&deploy.parse().unwrap(), exists).unwrap_err()
        };
        let failure = refused("shop", true);
        assert_eq!(failure.exit_code(), 2);
        assert_eq!(failure.causes, ["it is not set:\nA (what for)\nB (what for)"]);
        assert_eq!(failure.next.as_deref(), Some("xii config set A=… B=… -a shop"));
        let line = "xii config set A=… B=… -a shop -d staging";
        assert_eq!(refused("shop/staging", true).next.as_deref(), Some(line));
        let new = refused("shop", false).next.unwrap();
        assert_eq!(new, "xii create shop\nxii config set A=… B=… -a shop");
        let new = refused("shop/staging", false).next.unwrap();
        assert!(new.starts_with("xii create shop -d staging\n"), "{new}");
    }

    #[test]
    fn lines_show_names_and_no_values() {
        let declared = [
            (key("A"), entry(Some("hunter2"), true, false)),
            (key("B"), entry(None, true, true)),
            (key("C"), entry(None, true, false)),
        ];
        let lacking = lacking(&ConfigSnapshot::default(), &declared.into(), &BTreeSet::new());
        let lines =
            ["config: set A, app.json's", "config: set B, random", "config: missing C (what for)"];
        assert_eq!(lacking.lines(), lines);
        assert!(!format!("{lacking:?}").contains("hunter2"));
    }
}
