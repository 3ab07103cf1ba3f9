//! The checkout a command is run in: what its files say, and its codebase.

use crate::app::{AppName, Failure};
use crate::codebase::Facts;
use serde::Deserialize;
use std::io::Write;
use std::path::Path;

/// What of a checkout is wanted.
pub struct Wanted<'a> {
    pub folder: &'a Path,
    /// `None` is HEAD.
    pub revision: Option<&'a str>,
    pub subdir: Option<&'a str>,
    pub dirty: bool,
}

pub struct Source {
    facts: Facts,
}

pub fn open(_wanted: &Wanted<'_>) -> Result<Source, Failure> {
    Err(Failure::internal("not here"))
}

impl Source {
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    pub fn folder_name(&self) -> Option<String> {
        None
    }

    pub fn app(&self) -> Result<Option<AppName>, Failure> {
        Ok(None)
    }

    pub fn write_tar(self, _to: &mut impl Write) -> Result<(), Failure> {
        Ok(())
    }
}

/// `app` of the xii.toml in the folder. Everything else in it is the server's to judge.
pub fn app_of_manifest(folder: &Path) -> Result<Option<AppName>, Failure> {
    #[derive(Deserialize)]
    struct Manifest {
        app: Option<AppName>,
    }
    let path = folder.join("xii.toml");
    let Ok(text) = std::fs::read_to_string(&path) else { return Ok(None) };
    match toml::from_str::<Manifest>(&text) {
        Ok(manifest) => Ok(manifest.app),
        Err(error) => Err(Failure::usage(format!("cannot use {}", path.display()))
            .why(error.to_string().trim_end().to_string())),
    }
}

/// Root commits and sub-folder of the checkout around a folder.
pub fn codebase_of(_folder: &Path) -> Option<(Vec<String>, Option<String>)> {
    None
}
