//! From a source tree to bytes that never change: the build.
//!
//! Twelve-factor's second and fifth factors live here: what an app needs is declared in its
//! tree and lies in the build, and a build is named by the digest of what it contains.
//! A build sees no config and no secret, decides nothing about what runs, and leaves no
//! half-made thing behind: what is not complete is in `tmp` and swept away.
//!
//! ```text
//! tree.rs          what planning looks at          plan.rs       tree → plan, pure
//! python.rs static_site.rs command.rs              one file per language
//! foreign.rs       languages that are not known    environment.rs  a build's environment
//! toolchain.rs on_path.rs                          which Pythons there are
//! fingerprint.rs   what lies below, on `host`
//! exec.rs          one confined command
//! ```

mod command;
mod environment;
mod exec;
mod fingerprint;
mod foreign;
mod on_path;
mod plan;
mod python;
mod requirements;
mod static_site;
mod toolchain;
mod tree;
mod version;

pub use environment::path;
pub use exec::{Confined, Exec};
pub use fingerprint::Fingerprint;
pub use plan::{Language, Layer, Plan, Stage, Step, build_key, plan};
pub use toolchain::{Origin, Python, Toolchains};
pub use tree::Tree;
pub use version::{Version, Wanted};
