//! What a process may see and do. The only room with `unsafe`, namespaces, the
//! firewall and `Command::new`; nothing in here knows what an app or a release is.

pub mod cgroup;
mod enter;
mod etc;
pub mod firewall;
pub mod identity;
mod ports;
pub mod private;
mod probe;
pub mod process;
mod root;
mod seccomp;
mod spec;
mod step;
pub mod sys;
mod system;
mod tree;

pub use enter::{
    Child, NOT_EXECUTABLE, NOT_FOUND, Program, SETUP_FAILED, keep_capabilities_for_restarts,
    setup_error, spawn, unshare_pids,
};
pub use probe::{Isolation, Missing, probe, try_sandbox_main};
pub use process::spawn_self;
pub use spec::{Env, Level, Limits, Mount, Root, Sandbox, User};
pub use step::StepError;
