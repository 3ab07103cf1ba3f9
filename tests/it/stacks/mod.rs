//! Stacks: root file systems of their own below a process.

mod folder;
