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
//! static_server    what serves a static site
//! foreign.rs       languages that are not known    environment.rs  a build's environment
//! toolchain.rs on_path.rs                          which Pythons there are
//! fingerprint.rs   what lies below, on `host`
//! exec.rs confined.rs one confined command      hint.rs       what its last words mean
//! make.rs event.rs running a plan               result.rs     builds/<digest>
//! stacks.rs relocate.rs                         a Python copied into stacks/<digest>
//! stack/                                        root file systems of Debian packages
//! steps.rs         one step, and how it failed   pins.rs       what is not pinned
//! layer.rs         dependencies kept for the next build
//! files.rs room.rs trees of files, and room for them
//! ```

mod command;
mod confined;
mod environment;
mod event;
mod exec;
mod files;
mod fingerprint;
mod foreign;
mod hint;
mod layer;
mod make;
mod on_path;
mod pins;
mod plan;
mod python;
mod relocate;
mod requirements;
mod result;
mod room;
pub mod stack;
mod stacks;
pub mod static_server;
mod static_site;
mod steps;
mod toolchain;
mod tree;
mod version;

pub use confined::{Confinement, TIME_LIMIT, default_limits};
pub use environment::path;
pub use event::{Event, Phase};
pub use exec::{Confined, Exec};
pub use fingerprint::Fingerprint;
pub use make::{Request, Workspace, build};
pub use plan::{Language, Layer, Plan, Stage, Step, build_key, plan};
pub use result::{Build, Description, app_folder, remove};
pub use room::{room_to_build, sweep};
pub use stacks::Mounted;
pub use toolchain::{Origin, Python, Toolchains};
pub use tree::Tree;
pub use version::{Version, Wanted};
