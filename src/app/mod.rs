//! What an app is, in words and files: names, manifests, failures.
//!
//! Every other room speaks in these types, so nothing here reads the clock, the
//! environment or the network, and a name that exists has already been validated.

mod app_json;
mod aptfile;
mod diagnostic;
mod did_you_mean;
mod digest;
mod dotenv;
mod failure;
mod formation;
mod instance;
mod manifests;
mod name;
mod package;
mod procfile;
mod quantity;
mod schema;
mod secret;
mod settings;
mod shell;
mod source;

pub use app_json::{
    Addon, AppJson, CronJob, EnvEntry, Environment, FormationEntry, parse_app_json,
};
pub use aptfile::parse_aptfile;
pub use diagnostic::{Diagnostic, Diagnostics};
pub use did_you_mean::did_you_mean;
pub use digest::Digest;
pub use dotenv::{parse_dotenv, print_dotenv};
pub use failure::{Blame, Failure};
pub use formation::{Change, Formation, FormationChange, MOST_INSTANCES, parse_changes};
pub use instance::{InstanceId, ReleaseNumber};
pub use manifests::{ManifestTexts, Manifests};
pub use name::{AppName, ConfigKey, DeployName, DeployRef, NameError, ProcessType};
pub use procfile::{parse_procfile, print_procfile};
pub use quantity::{format_duration, format_size, parse_duration, parse_size};
pub use schema::{APP_JSON_SCHEMA, XII_TOML_SCHEMA};
pub use secret::Secret;
pub use settings::{BuildSettings, ProcessSettings, STACKS, Settings, parse_settings};
pub use shell::shell_word;
pub use source::SourceFile;
