//! What a process may see and do. The only room with `unsafe`, namespaces, the
//! firewall and `Command::new`; nothing in here knows what an app or a release is.

mod spec;

pub use spec::{Env, Level, Limits, Mount, Root, Sandbox, User};
