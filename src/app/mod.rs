//! What an app is, in words and files: names, manifests, failures.
//!
//! Every other room speaks in these types, so nothing here reads the clock, the
//! environment or the network, and a name that exists has already been validated.

mod digest;
mod failure;
mod instance;
mod name;
mod secret;

pub use digest::Digest;
pub use failure::{Blame, Failure};
pub use instance::{InstanceId, ReleaseNumber};
pub use name::{AppName, ConfigKey, DeployName, DeployRef, NameError, ProcessType};
pub use secret::Secret;
