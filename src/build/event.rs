//! What a build says while it runs: a line per phase with its time, and the tools' own lines.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "build", rename_all = "kebab-case")]
pub enum Event {
    Started { phase: String },
    Output { line: String },
    Warning { text: String },
    Finished { phase: Phase },
}

/// A part of a build that took time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Phase {
    pub name: String,
    pub millis: u64,
    /// Taken from an earlier build.
    pub cached: bool,
}

impl std::fmt::Display for Event {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Event::Started { phase } => write!(f, "-----> {phase}"),
            Event::Output { line } => write!(f, "       {line}"),
            Event::Warning { text } => write!(f, " !     {text}"),
            Event::Finished { phase } => {
                let how =
                    if phase.cached { "unchanged, taken from the last build" } else { "done" };
                write!(f, "       {how} ({}.{} s)", phase.millis / 1000, phase.millis % 1000 / 100)
            }
        }
    }
}
