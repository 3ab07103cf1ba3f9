//! Rust: Cargo.toml and its lock.

use super::draft::{Draft, Stop};
use super::language::Language;
use super::tree::Tree;
use crate::app::{Failure, Manifests};

pub struct Rust;

impl Language for Rust {
    fn recognises(&self, tree: &Tree, _: &Manifests) -> bool {
        tree.has("Cargo.toml")
    }

    fn plan(&self, _: &mut Draft<'_>) -> Result<(), Stop> {
        Err(Failure::app("Rust is not built yet").into())
    }
}
