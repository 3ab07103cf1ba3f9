//! Integration tests: the built binary, real processes and sockets.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a test that cannot go on fails where it stands"
)]

mod attached;
mod bad_builds;
mod begin;
mod bench;
mod bench_build;
mod bounds;
mod build;
mod cgroup_v2;
mod chaos;
mod cli;
mod corpus;
#[cfg(target_arch = "x86_64")]
mod crash;
mod damage;
mod demo;
mod exhaustion;
mod firewall;
mod house;
mod isolation;
mod keeper;
mod languages;
mod limits;
mod load;
mod power_cut;
mod router;
mod sandbox;
mod scale;
mod spine;
mod stacks;
mod stage;
mod systemd;
mod vm;
mod workshop;
mod world;
