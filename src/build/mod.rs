//! From a source tree to bytes that never change: the build.
//!
//! Twelve-factor's second and fifth factors live here: what an app needs is declared in its
//! tree and lies in the build, and a build is named by the digest of what it contains.
//! A build sees no config and no secret, decides nothing about what runs, and leaves no
//! half-made thing behind: what is not complete is in `tmp` and swept away.
//!
//! ```text
//! tree.rs            what planning looks at       plan.rs draft.rs  tree → plan, pure
//! language.rs        the languages, and which of them a tree is in
//! python node rust static_site.rs command.rs  one place per language
//! static_server      what serves a static site
//! foreign.rs         languages that are not known   environment.rs  a build's environment
//! tool.rs            an interpreter, a compiler, a package manager
//! toolchain.rs on_path    which of them are here   fetch  those that were not
//! stacks.rs relocate      tools in stacks/<digest>  stack  roots of Debian packages
//! below.rs           the host, or such roots
//! fingerprint.rs     what lies below, on `host`
//! exec.rs confined.rs one confined command         hint.rs  what its last words mean
//! explain            why a step runs again
//! make.rs event.rs   running a plan                result.rs  builds/<digest>
//! oci                a build as an image
//! steps.rs           one step, and how it failed   version.rs  versions, written and found
//! layer.rs           dependencies kept for the next build
//! bounds.rs disk.rs what a build may use           cache.rs   cache/<app>
//! share.rs           what two builds have in common
//! files.rs room.rs   trees of files, and room for them
//! ```

mod below;
mod bounds;
mod cache;
mod command;
mod compare;
mod confined;
mod disk;
mod draft;
mod environment;
mod event;
mod exec;
mod explain;
mod fetch;
mod files;
mod fingerprint;
mod foreign;
mod hint;
mod language;
mod layer;
mod make;
mod node;
pub mod oci;
mod on_path;
mod plan;
mod python;
mod relocate;
mod result;
mod room;
mod rust;
mod share;
pub mod stack;
mod stacks;
pub mod static_server;
mod static_site;
mod steps;
mod tool;
mod toolchain;
mod tree;
mod version;

pub use below::Below;
pub use bounds::{Bounds, TIME_LIMIT};
pub use cache::{MOST_CACHE, open as open_cache, owners as cache_owners};
pub use cache::{remove as remove_cache, trim as trim_cache};
pub use compare::differing;
pub use confined::Confinement;
pub use draft::Stop;
pub use environment::path;
pub use event::{Event, Phase};
pub use exec::{Confined, Exec};
pub use explain::{Facts as ExplainFacts, Line as Explanation, explain, files as source_files};
pub use explain::{kept as explain_facts, read as last_build};
pub use fetch::{Fetch, fetch};
pub use fingerprint::Fingerprint;
pub use language::Kind;
pub use make::{Request, Workspace, build};
pub use plan::{Layer, Plan, Stage, Step, build_key, plan};
pub use result::{Build, Description, app_folder, check as check_build, keep_only, remove};
pub use room::{room_for_source, room_to_build, sweep};
pub use stacks::Mounted;
pub use tool::{Origin, Tool, ToolName, Wish};
pub use toolchain::Toolchains;
pub use tree::Tree;
pub use version::{Version, Wanted};
