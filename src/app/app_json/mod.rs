//! app.json, Heroku's schema: the parts that mean something here; the rest is let be,
//! because one file often serves several platforms.

mod span;

use super::{
    ConfigKey, Diagnostic, Diagnostics, MOST_INSTANCES, ProcessType, SourceFile, did_you_mean,
};
use serde_json::{Map, Value};
use span::locate;
use std::collections::{BTreeMap, BTreeSet};

/// What app.json says; the default is a missing file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AppJson {
    /// A title for people; the app's own name is xii.toml's `app`.
    pub name: Option<String>,
    pub description: Option<String>,
    pub env: BTreeMap<ConfigKey, EnvEntry>,
    /// Applies when a deploy is created.
    pub formation: BTreeMap<ProcessType, FormationEntry>,
    /// Meant to run once, after the first deploy.
    pub postdeploy: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvEntry {
    /// The value to begin with.
    pub value: Option<String>,
    pub description: Option<String>,
    /// True unless the file says otherwise.
    pub required: bool,
    /// `"generator": "secret"`: a random value is made for it.
    pub generated: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormationEntry {
    pub quantity: Option<u32>,
}

/// Finding a place walks the text from its start, so a hopeless file is given up on.
const MOST_ERRORS: usize = 50;

/// `declared`: the Procfile's process types, where it could be read.
pub fn parse_app_json(
    file: &SourceFile,
    declared: Option<&BTreeSet<ProcessType>>,
) -> Result<AppJson, Diagnostics> {
    let document: Value = match serde_json::from_str(file.text()) {
        Ok(document) => document,
        Err(error) => return Diagnostics::or(file, vec![syntax(file, &error)], AppJson::default()),
    };
    let mut reader = Reader { text: file.text(), found: Vec::new() };
    let mut app = AppJson::default();
    for (key, value) in reader.object(&document, &[], "an object like { \"name\": \"My app\" }") {
        let path = [key.as_str()];
        match key.as_str() {
            "name" => app.name = reader.text(value, &path),
            "description" => app.description = reader.text(value, &path),
            "env" => app.env = reader.env(value),
            "formation" => app.formation = reader.formation(value, declared),
            "scripts" => app.postdeploy = reader.postdeploy(value),
            _ => {}
        }
    }
    Diagnostics::or(file, reader.found, app)
}

/// serde_json counts lines from 1 and columns in bytes.
fn syntax(file: &SourceFile, error: &serde_json::Error) -> Diagnostic {
    let line = file.lines().nth(error.line().saturating_sub(1));
    let start = line.map_or(file.text().len(), |(start, _)| start);
    let at = (start + error.column().saturating_sub(1)).min(file.text().len());
    let message = error.to_string();
    let message = message.split(" at line ").next().unwrap_or_default();
    Diagnostic::new(at..at + 1, message, "here the file stops being JSON")
}

struct Reader<'a> {
    text: &'a str,
    found: Vec<Diagnostic>,
}

impl Reader<'_> {
    fn refuse(&mut self, path: &[&str], message: impl Into<String>, label: impl Into<String>) {
        self.report(path, |span| Diagnostic::new(span, message, label));
    }

    fn report(
        &mut self,
        path: &[&str],
        diagnostic: impl FnOnce(std::ops::Range<usize>) -> Diagnostic,
    ) {
        if self.found.len() < MOST_ERRORS {
            self.found.push(diagnostic(locate(self.text, path)));
        }
    }

    fn wrong_type(&mut self, value: &Value, path: &[&str], expected: &str) {
        let kind = match value {
            Value::Null => "null",
            Value::Bool(_) => "a boolean",
            Value::Number(_) => "a number",
            Value::String(_) => "a string",
            Value::Array(_) => "an array",
            Value::Object(_) => "an object",
        };
        self.refuse(path, format!("this is {kind}"), format!("expected {expected}"));
    }

    fn object<'v>(
        &mut self,
        value: &'v Value,
        path: &[&str],
        expected: &str,
    ) -> impl Iterator<Item = (&'v String, &'v Value)> + use<'v> {
        let object: Option<&Map<String, Value>> = value.as_object();
        if object.is_none() {
            self.wrong_type(value, path, expected);
        }
        object.into_iter().flatten()
    }

    fn text(&mut self, value: &Value, path: &[&str]) -> Option<String> {
        match value {
            Value::String(text) if text.contains('\0') => {
                self.refuse(path, "a NUL character can be given to no program", "");
                None
            }
            Value::String(text) => Some(text.clone()),
            _ => {
                self.wrong_type(value, path, "a string");
                None
            }
        }
    }

    fn env(&mut self, value: &Value) -> BTreeMap<ConfigKey, EnvEntry> {
        let mut env = BTreeMap::new();
        for (name, value) in self.object(value, &["env"], "an object of config names") {
            let path = ["env", name.as_str()];
            let entry = self.env_entry(value, &path);
            match name.parse::<ConfigKey>() {
                Ok(key) if key.is_reserved() => {
                    self.refuse(
                        &path,
                        format!("`{name}` is set by xii itself"),
                        "remove this entry",
                    );
                }
                Ok(key) => _ = env.insert(key, entry),
                Err(error) => self.refuse(&path, error.to_string(), "the value of this name"),
            }
        }
        env
    }

    /// A string, or an object that describes the value.
    fn env_entry(&mut self, value: &Value, path: &[&str; 2]) -> EnvEntry {
        let mut entry =
            EnvEntry { value: None, description: None, required: true, generated: false };
        if value.is_string() {
            entry.value = self.text(value, path);
            return entry;
        }
        let expected = "a string, or an object like { \"description\": \"…\" }";
        for (key, value) in self.object(value, path, expected) {
            let path = [path[0], path[1], key.as_str()];
            match (key.as_str(), value) {
                ("value", value) => entry.value = self.text(value, &path),
                ("description", value) => entry.description = self.text(value, &path),
                ("required", Value::Bool(required)) => entry.required = *required,
                ("required", value) => self.wrong_type(value, &path, "true or false"),
                ("generator", Value::String(name)) if name == "secret" => entry.generated = true,
                ("generator", _) => {
                    self.refuse(&path, "there is no such generator", "expected \"secret\"");
                }
                _ => {}
            }
        }
        entry
    }

    fn formation(
        &mut self,
        value: &Value,
        declared: Option<&BTreeSet<ProcessType>>,
    ) -> BTreeMap<ProcessType, FormationEntry> {
        let mut formation = BTreeMap::new();
        for (name, value) in self.object(value, &["formation"], "an object of process types") {
            let path = ["formation", name.as_str()];
            let entry = self.formation_entry(value, &path);
            if let Some(process_type) = self.process_type(name, &path, declared) {
                formation.insert(process_type, entry);
            }
        }
        formation
    }

    fn formation_entry(&mut self, value: &Value, path: &[&str; 2]) -> FormationEntry {
        let mut entry = FormationEntry { quantity: None };
        for (key, value) in self.object(value, path, "an object like { \"quantity\": 1 }") {
            let path = [path[0], path[1], key.as_str()];
            if key != "quantity" {
                continue;
            }
            let quantity = value.as_u64().and_then(|quantity| u32::try_from(quantity).ok());
            entry.quantity = quantity.filter(|quantity| *quantity <= MOST_INSTANCES);
            if entry.quantity.is_none() {
                let label = format!("expected a number from 0 to {MOST_INSTANCES}");
                self.refuse(&path, "this is no number of instances", label);
            }
        }
        entry
    }

    fn process_type(
        &mut self,
        name: &str,
        path: &[&str; 2],
        declared: Option<&BTreeSet<ProcessType>>,
    ) -> Option<ProcessType> {
        let process_type: ProcessType = match name.parse() {
            Ok(process_type) => process_type,
            Err(error) => {
                self.refuse(path, format!("{error}"), "the formation of this type");
                return None;
            }
        };
        if process_type == ProcessType::release() {
            let message = "`release` is the release phase; it has no instances";
            self.refuse(path, message, "remove this entry");
            return None;
        }
        let Some(declared) = declared.filter(|declared| !declared.contains(&process_type)) else {
            return Some(process_type);
        };
        let names: Vec<&str> = declared.iter().map(ProcessType::as_str).collect();
        let near = did_you_mean(name, names.iter().copied());
        let message = format!("the Procfile has no process type `{process_type}`");
        let label = format!("it has {}", names.join(", "));
        self.report(path, |span| Diagnostic::new(span, message, label).suggest(near));
        None
    }

    /// A command, or an object that holds one.
    fn postdeploy(&mut self, value: &Value) -> Option<String> {
        let mut postdeploy = None;
        for (name, value) in self.object(value, &["scripts"], "an object of scripts") {
            if name != "postdeploy" {
                continue;
            }
            postdeploy = match value.get("command") {
                Some(command) => self.text(command, &["scripts", "postdeploy", "command"]),
                None => self.text(value, &["scripts", "postdeploy"]),
            };
        }
        postdeploy
    }
}

#[cfg(test)]
mod tests;
