//! app.json, Heroku's schema: the parts that mean something here; the rest is let be.

use super::{ConfigKey, Diagnostic, Diagnostics, ProcessType, SourceFile};
use std::collections::BTreeMap;

/// What app.json says; the default is a missing file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AppJson {
    /// A title for people; the app's own name is xii.toml's `app`.
    pub name: Option<String>,
    pub description: Option<String>,
    pub env: BTreeMap<ConfigKey, EnvEntry>,
    /// Applies when a deploy is created.
    pub formation: BTreeMap<ProcessType, FormationEntry>,
    /// Run once after the first deploy.
    pub postdeploy: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvEntry {
    /// The value to begin with.
    pub value: Option<String>,
    pub description: Option<String>,
    /// Heroku's default is true.
    pub required: bool,
    /// `"generator": "secret"`: a random value is made for it.
    pub generated: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormationEntry {
    pub quantity: Option<u32>,
}

pub fn parse_app_json(_file: &SourceFile) -> Result<AppJson, Diagnostics> {
    let _: Option<Diagnostic> = None;
    Ok(AppJson::default())
}
