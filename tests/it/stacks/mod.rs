//! Stacks: root file systems of their own below a process.

mod deploys;
mod folder;
mod made;
mod packages;
mod proof;
