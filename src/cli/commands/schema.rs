//! `xii schema app.json|xii.toml`: what editors read.

use crate::app::{APP_JSON_SCHEMA, XII_TOML_SCHEMA};
use crate::cli::{Invocation, Outcome};
use clap::{Args, ValueEnum};

#[derive(Debug, Args)]
pub struct SchemaArgs {
    file: File,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum File {
    #[value(name = "app.json")]
    AppJson,
    #[value(name = "xii.toml")]
    XiiToml,
}

pub fn run(args: &SchemaArgs, to: &Invocation) -> Outcome {
    let text = match args.file {
        File::AppJson => APP_JSON_SCHEMA,
        File::XiiToml => XII_TOML_SCHEMA,
    };
    to.ui.raw(text.as_bytes());
    Ok(0)
}
