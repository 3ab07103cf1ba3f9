//! `environments`: what is other for one deploy. The top of the file is read the same way:
//! it is what every deploy begins from.

use super::reader::Reader;
use super::{Addon, EnvEntry, FormationEntry, addons, env, formation};
use crate::app::{ConfigKey, DeployName, Diagnostic, ProcessType, STACKS, did_you_mean};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// A list that is not there is none, not an empty one: it replaces nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    pub env: BTreeMap<ConfigKey, EnvEntry>,
    pub formation: BTreeMap<ProcessType, FormationEntry>,
    pub postdeploy: Option<String>,
    pub test: Option<String>,
    pub addons: Option<Vec<Addon>>,
    pub buildpacks: Option<Vec<String>>,
    pub stack: Option<String>,
}

#[cfg(test)]
pub const KEYS: [&str; 6] = ["env", "formation", "scripts", "addons", "buildpacks", "stack"];

#[cfg(test)]
pub const SCRIPT_KEYS: [&str; 2] = ["postdeploy", "test"];

/// An environment belongs to the deploy of its name. Heroku's own, `test` and `review`, are
/// names like any other.
pub fn read_all<'v>(
    reader: &mut Reader<'_>,
    value: &'v Value,
    path: &[&'v str],
    declared: Option<&BTreeSet<ProcessType>>,
) -> BTreeMap<DeployName, Environment> {
    let mut all = BTreeMap::new();
    let expected = "an object like { \"staging\": { … } }";
    for (name, path, value) in reader.object(value, path, expected) {
        let mut environment = Environment::default();
        for (key, path, value) in reader.object(value, &path, "an object like { \"env\": { … } }")
        {
            environment.read(reader, key, value, &path, declared);
        }
        match name.parse() {
            Ok(name) => _ = all.insert(name, environment),
            Err(error) => {
                let error: crate::app::NameError = error;
                reader.refuse(&path, error.to_string(), "the environment of this name");
            }
        }
    }
    all
}

impl Environment {
    /// Reads one key; one that means nothing here is let be.
    pub fn read<'v>(
        &mut self,
        reader: &mut Reader<'_>,
        key: &str,
        value: &'v Value,
        path: &[&'v str],
        declared: Option<&BTreeSet<ProcessType>>,
    ) {
        match key {
            "env" => self.env = env::read(reader, value, path),
            "formation" => self.formation = formation::read(reader, value, path, declared),
            "scripts" => self.scripts(reader, value, path),
            "addons" => self.addons = Some(addons::read(reader, value, path)),
            "buildpacks" => self.buildpacks = Some(buildpacks(reader, value, path)),
            "stack" => self.stack = stack(reader, value, path),
            _ => {}
        }
    }

    fn scripts<'v>(&mut self, reader: &mut Reader<'_>, value: &'v Value, path: &[&'v str]) {
        for (name, path, value) in reader.object(value, path, "an object of scripts") {
            match name {
                "postdeploy" => self.postdeploy = reader.command(value, &path),
                "test" => self.test = reader.command(value, &path),
                _ => {}
            }
        }
    }
}

/// `[{ "url": "heroku/nodejs" }]`, or the urls alone.
fn buildpacks<'v>(reader: &mut Reader<'_>, value: &'v Value, path: &[&'v str]) -> Vec<String> {
    let mut urls = Vec::new();
    let expected = "a list like [{ \"url\": \"heroku/nodejs\" }]";
    for (index, value) in reader.array(value, path, expected) {
        let path = [path, &[index.as_str()]].concat();
        let (value, path) = match value.get("url") {
            Some(url) => (url, [&path[..], &["url"]].concat()),
            None => (value, path),
        };
        urls.extend(reader.parsed(value, &path, "a url like \"heroku/nodejs\"", url));
    }
    urls
}

fn url(text: &str) -> Result<String, String> {
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic());
    match plain && !text.is_empty() && text.len() <= 1024 {
        true => Ok(text.to_string()),
        false => Err("this is no address of a buildpack".to_string()),
    }
}

/// Heroku's own stacks say nothing about this machine: without a stack of ours the deploy
/// has the default one.
fn stack(reader: &mut Reader<'_>, value: &Value, path: &[&str]) -> Option<String> {
    let name = reader.text(value, path)?;
    if STACKS.contains(&name.as_str()) {
        return Some(name);
    }
    if !["heroku-", "cedar", "container"].iter().any(|theirs| name.starts_with(theirs)) {
        let message = format!("there is no stack {name:?}");
        let label = format!("expected one of {}, or one of Heroku's", STACKS.join(", "));
        let near = did_you_mean(&name, STACKS);
        reader.report(path, |span| Diagnostic::new(span, message, label).suggest(near));
    }
    None
}
