//! app.json, Heroku's schema: the parts that mean something here; the rest is let be,
//! because one file often serves several platforms.

mod addons;
mod cron;
mod env;
mod environment;
mod formation;
mod reader;
mod span;

pub use addons::Addon;
pub use cron::CronJob;
pub use env::EnvEntry;
pub use environment::Environment;
pub use formation::FormationEntry;

use super::{ConfigKey, DeployName, Diagnostic, Diagnostics, ProcessType, SourceFile};
use reader::Reader;
use serde_json::Value;
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
    /// Runs once, after a deploy's first release serves.
    pub postdeploy: Option<String>,
    /// `scripts.test`
    pub test: Option<String>,
    pub addons: Vec<Addon>,
    /// As they stand there: `heroku/nodejs`, or the address of a repository.
    pub buildpacks: Vec<String>,
    /// One of [`super::STACKS`]; Heroku's own stacks say nothing here.
    pub stack: Option<String>,
    pub cron: Vec<CronJob>,
    /// What is other for the deploy of that name; see [`AppJson::for_deploy`].
    pub environments: BTreeMap<DeployName, Environment>,
}

/// All that is read at the top; [`environment::KEYS`] may stand in an environment too.
#[cfg(test)]
pub const KEYS: [&str; 10] = [
    "name",
    "description",
    "env",
    "formation",
    "scripts",
    "addons",
    "buildpacks",
    "stack",
    "cron",
    "environments",
];

/// `declared`: the Procfile's process types, where it could be read.
pub fn parse_app_json(
    file: &SourceFile,
    declared: Option<&BTreeSet<ProcessType>>,
) -> Result<AppJson, Diagnostics> {
    let document: Value = match serde_json::from_str(file.text()) {
        Ok(document) => document,
        Err(error) => return Diagnostics::or(file, vec![syntax(file, &error)], AppJson::default()),
    };
    let mut reader = Reader::new(file);
    let mut app = AppJson::default();
    let mut top = Environment::default();
    let example = "an object like { \"name\": \"My app\" }";
    for (key, path, value) in reader.object(&document, &[], example) {
        match key {
            "name" => app.name = reader.text(value, &path),
            "description" => app.description = reader.text(value, &path),
            "cron" => app.cron = cron::read(&mut reader, value, &path),
            "environments" => {
                app.environments = environment::read_all(&mut reader, value, &path, declared);
            }
            _ => top.read(&mut reader, key, value, &path, declared),
        }
    }
    reader.end(app.with(top))
}

impl AppJson {
    /// What the file says for the deploy of this name: the environment that has its name,
    /// where there is one, over the rest.
    #[must_use]
    pub fn for_deploy(&self, deploy: &DeployName) -> AppJson {
        let own = self.environments.get(deploy).cloned().unwrap_or_default();
        AppJson { environments: BTreeMap::new(), ..self.clone() }.with(own)
    }

    /// Names are added and replaced one by one; a list is replaced whole.
    fn with(mut self, own: Environment) -> AppJson {
        self.env.extend(own.env);
        for (process_type, entry) in own.formation {
            let quantity = entry.quantity;
            let known = self.formation.entry(process_type).or_insert(entry);
            known.quantity = quantity.or(known.quantity);
        }
        AppJson {
            postdeploy: own.postdeploy.or(self.postdeploy),
            test: own.test.or(self.test),
            addons: own.addons.unwrap_or(self.addons),
            buildpacks: own.buildpacks.unwrap_or(self.buildpacks),
            stack: own.stack.or(self.stack),
            ..self
        }
    }
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

/// A file that says everything.
#[cfg(test)]
pub const WHOLE: &str = r#"{
  "name": "Guestbook", "description": "Leave a line", "keywords": ["x"], "stack": "heroku-24",
  "env": {
    "GREETING": "hello",
    "SECRET_KEY": { "description": "signs sessions", "generator": "secret" },
    "SENTRY_DSN": { "required": false, "value": "" }
  },
  "formation": { "web": { "quantity": 2, "size": "standard-1x" }, "worker": { "size": "eco" } },
  "scripts": { "postdeploy": { "command": "python seed.py", "size": "eco" }, "test": "pytest" },
  "buildpacks": [{ "url": "heroku/nodejs" }, { "url": "https://github.com/x/y" }],
  "addons": ["heroku-postgresql", {
    "plan": "redis:mini", "as": "CACHE", "options": { "version": "7", "big": true }
  }],
  "environments": {
    "test": {},
    "staging": {
      "env": { "GREETING": "psst", "ONLY_HERE": { "value": "1" } },
      "formation": { "worker": { "quantity": 1 }, "web": {} },
      "scripts": { "postdeploy": "python fake.py" },
      "addons": [], "stack": "debian-12"
    }
  },
  "cron": [{ "command": "./nightly", "schedule": "0 3 * * *" }]
}"#;

#[cfg(test)]
mod tests;
