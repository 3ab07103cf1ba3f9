//! Node.js: what package.json and its lock say.

use super::draft::{Draft, Stop};
use super::language::Language;
use super::tree::Tree;
use crate::app::{Failure, Manifests};

pub struct Node;

const LOCKS: [&str; 4] =
    ["package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "yarn.lock"];

impl Language for Node {
    fn recognises(&self, tree: &Tree, manifests: &Manifests) -> bool {
        let own_way = manifests.settings.build.command.is_some() && !is_locked(tree);
        tree.has("package.json") && !own_way
    }

    fn plan(&self, _: &mut Draft<'_>) -> Result<(), Stop> {
        Err(Failure::app("Node.js is not built yet").into())
    }
}

pub fn is_locked(tree: &Tree) -> bool {
    LOCKS.iter().any(|lock| tree.has(lock))
}
