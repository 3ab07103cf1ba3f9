//! Tools that the server's PATH leads to, found by reading files alone: a shim is followed to
//! the installations it stands for, and nothing is run from a live home.

mod python;
mod rust;

pub use python::pythons;
pub use rust::{of_stack as rust_of_stack, rusts};

use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// These belong to the stack.
const STACK: [&str; 4] = ["/usr", "/bin", "/sbin", "/lib"];

/// Changes when the installation does.
fn stamp(exe: &Path) -> Option<String> {
    let meta = exe.metadata().ok()?;
    meta.is_file().then(|| format!("{}.{}.{}", meta.mtime(), meta.mtime_nsec(), meta.size()))
}
