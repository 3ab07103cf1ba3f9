//! One confined command as the build needs it, and the seam to whatever runs it.

use crate::app::Failure;
use crate::sandbox::{Mount, Root};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A command, and what it sees.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Confined {
    pub root: Root,
    pub argv: Vec<String>,
    pub env: BTreeMap<String, String>,
    pub mounts: Vec<Mount>,
    pub cwd: PathBuf,
}

impl Confined {
    /// On the host, in `/`, with the stack's programs on PATH and nothing else.
    pub fn new(argv: Vec<String>) -> Self {
        let path = ("PATH".to_string(), "/usr/bin:/bin".to_string());
        let env = BTreeMap::from([path]);
        Confined { root: Root::Host, argv, env, mounts: Vec::new(), cwd: PathBuf::from("/") }
    }
}

/// Runs it, gives each line of output as it comes, answers with the exit code
/// (128 + signal when a signal ended it).
pub type Exec<'a> = dyn FnMut(&Confined, &mut dyn FnMut(&str)) -> Result<i32, Failure> + 'a;
