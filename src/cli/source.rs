//! What the folder a command runs in says: xii.toml's `app`, and the codebase.

use crate::app::{AppName, Failure};
use serde::Deserialize;
use std::path::Path;

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
