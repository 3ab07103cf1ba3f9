//! The checkout a command is run in: its source, and which app it says it is.

use crate::app::{AppName, Failure};
use crate::codebase::{Checkout, Facts, Identity, Options, identify};
use serde::Deserialize;
use std::io::Write;
use std::path::{Path, PathBuf};

/// What of a checkout is wanted.
pub struct Wanted<'a> {
    pub folder: &'a Path,
    /// `None` is HEAD.
    pub revision: Option<&'a str>,
    /// `None`: the nearest folder above that holds a manifest.
    pub subdir: Option<&'a str>,
    pub dirty: bool,
}

/// A source that can be deployed.
pub struct Source {
    checkout: Checkout,
    /// Of the app, on the disk.
    folder: PathBuf,
}

pub fn open(wanted: &Wanted<'_>) -> Result<Source, Failure> {
    let identity = identify(wanted.folder)?;
    let (found, folder) = match identity {
        Some(Identity { subdir, folder, .. }) => (subdir, folder),
        None => (None, wanted.folder.to_path_buf()),
    };
    let options = Options {
        revision: wanted.revision.map(str::to_string),
        dirty: wanted.dirty,
        subdir: wanted.subdir.map(str::to_string).or(found),
    };
    let folder = match wanted.subdir {
        Some(subdir) => wanted.folder.join(subdir),
        None => folder,
    };
    Ok(Source { checkout: Checkout::open(wanted.folder, options)?, folder })
}

impl Source {
    pub fn facts(&self) -> &Facts {
        self.checkout.facts()
    }

    pub fn folder_name(&self) -> Option<String> {
        super::target::folder_name(&self.folder)
    }

    pub fn app(&self) -> Result<Option<AppName>, Failure> {
        app_of_manifest(&self.folder)
    }

    pub fn write_tar(&self, to: &mut impl Write) -> Result<(), Failure> {
        self.checkout.write_tar(to)
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
