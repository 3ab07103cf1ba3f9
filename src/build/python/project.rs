//! What pyproject.toml and the Pipfile say, as far as a plan depends on it.

use super::super::tree::Tree;
use crate::app::Failure;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;

pub const PYPROJECT: &str = "pyproject.toml";

#[derive(Debug, Default, Deserialize)]
pub struct Project {
    pub project: Option<Metadata>,
    #[serde(default)]
    pub tool: Tools,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Metadata {
    pub requires_python: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
pub struct Tools {
    pub uv: Option<Uv>,
    pub poetry: Option<Poetry>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Uv {
    pub required_version: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Poetry {
    pub requires_poetry: Option<String>,
    pub package_mode: Option<bool>,
    #[serde(default)]
    pub dependencies: BTreeMap<String, toml::Value>,
}

#[derive(Debug, Default, Deserialize)]
pub struct Pipfile {
    #[serde(default)]
    pub requires: Requires,
}

#[derive(Debug, Default, Deserialize)]
pub struct Requires {
    pub python_version: Option<String>,
    pub python_full_version: Option<String>,
}

/// Absent is empty.
pub fn read(tree: &Tree) -> Result<Project, Failure> {
    parse(tree, PYPROJECT)
}

pub fn pipfile(tree: &Tree) -> Result<Pipfile, Failure> {
    parse(tree, "Pipfile")
}

fn parse<T: DeserializeOwned + Default>(tree: &Tree, name: &str) -> Result<T, Failure> {
    let Some(text) = tree.text(name) else { return Ok(T::default()) };
    toml::from_str(text).map_err(|error| {
        Failure::usage(format!("{name} cannot be read")).why(error.to_string().trim_end())
    })
}

impl Project {
    /// `requires-python`, or what Poetry had before it; with where it stands.
    pub fn python(&self) -> Option<(String, &'static str)> {
        let of_project = self.project.as_ref().and_then(|project| project.requires_python.clone());
        let poetry = || {
            let wanted = self.tool.poetry.as_ref()?.dependencies.get("python")?;
            wanted.as_str().map(String::from)
        };
        let said = |text: String, key| Some((text, key));
        match of_project {
            Some(text) => said(text, "requires-python"),
            None => poetry().and_then(|text| said(text, "tool.poetry.dependencies.python")),
        }
    }
}
