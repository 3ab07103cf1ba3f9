//! Numbers and names of running things.

use super::ProcessType;
use serde::{Deserialize, Serialize};

/// A release of a deploy: `v1`, `v2`, …
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ReleaseNumber(pub u64);

impl std::fmt::Display for ReleaseNumber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "v{}", self.0)
    }
}

impl std::str::FromStr for ReleaseNumber {
    type Err = String;

    /// Accepts `v7` and `7`.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_prefix('v').unwrap_or(text).parse() {
            Ok(number) if number > 0 => Ok(ReleaseNumber(number)),
            _ => Err(format!("`{text}` is not a release: expected v1, v2, …")),
        }
    }
}

/// One running process of the formation. Two `web.1` overlap during a switch, so the
/// keeper's number, unique in a home, tells them apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct InstanceId {
    pub process_type: ProcessType,
    pub index: u32,
    pub keeper: u64,
}

impl InstanceId {
    /// `web.1`
    pub fn name(&self) -> String {
        format!("{}.{}", self.process_type, self.index)
    }
}

impl std::fmt::Display for InstanceId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}#{}", self.process_type, self.index, self.keeper)
    }
}
