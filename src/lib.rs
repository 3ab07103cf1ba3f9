//! xii runs twelve-factor apps and proves that they are twelve-factor.
//!
//! The crate is a row of rooms. A room uses only rooms to its left, rooms of one
//! tier do not use each other, and `tests/it/house.rs` reads the `use` lines to hold it:
//!
//! `app` < `store` `sandbox` < `logs` < `keeper` < `codebase` `config` `router`
//! < `build` < `release` < `run` < `deploy` < `server` `dev` < `cli`
//!
//! ARCHITECTURE.md maps each of the twelve factors to its room.

#![cfg_attr(
    test,
    allow(clippy::disallowed_methods, reason = "tests start processes and look at their own")
)]

pub mod app;
pub mod build;
pub mod cli;
pub mod codebase;
pub mod config;
pub mod deploy;
pub mod keeper;
pub mod logs;
pub mod release;
pub mod router;
pub mod run;
pub mod sandbox;
pub mod server;
pub mod store;
