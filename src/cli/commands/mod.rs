//! One file per command: its arguments, one request, what to print.

pub mod apps;
pub mod build;
pub mod completions;
pub mod config;
pub mod create;
pub mod demo;
pub mod deploy;
pub mod destroy;
pub mod doctor;
pub mod down;
pub mod export;
pub mod follow;
pub mod info;
pub mod logs;
pub mod process;
pub mod promote;
pub mod ps;
pub mod releases;
pub mod rollback;
pub mod run;
pub mod scale;
pub mod schema;
pub mod server;
pub mod stacks;
pub mod status;
pub mod up;
