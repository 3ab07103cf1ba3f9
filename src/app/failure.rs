//! One shape for everything that goes wrong, so that the API can carry it and the
//! command line can print it: what happened, why, and what to do next.

use serde::{Deserialize, Serialize};

/// Who has to act. Decides the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Blame {
    /// xii or its machine could not do it: exit 1.
    Platform,
    /// Wrong use, or a bad input file: exit 2.
    Usage,
    /// The app's own fault: build, boot, release phase: exit 3.
    App,
    /// A defect of xii: exit 70.
    Internal,
}

/// An error with everything its reader needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub blame: Blame,
    /// What happened, to what. One line, or a rendered source excerpt.
    pub message: String,
    /// The cause below, outermost first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub causes: Vec<String>,
    /// What to do next: a command line where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl Failure {
    pub fn new(blame: Blame, message: impl Into<String>) -> Self {
        Failure { blame, message: message.into(), causes: Vec::new(), next: None }
    }

    pub fn platform(message: impl Into<String>) -> Self {
        Self::new(Blame::Platform, message)
    }

    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Blame::Usage, message)
    }

    pub fn app(message: impl Into<String>) -> Self {
        Self::new(Blame::App, message)
    }

    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Blame::Internal, message)
    }

    /// Adds a cause and the causes below it.
    #[must_use]
    pub fn because(mut self, cause: impl std::error::Error) -> Self {
        self.causes.push(cause.to_string());
        let mut below = cause.source();
        while let Some(source) = below {
            self.causes.push(source.to_string());
            below = source.source();
        }
        self
    }

    /// Adds a cause that is only a sentence.
    #[must_use]
    pub fn why(mut self, cause: impl Into<String>) -> Self {
        self.causes.push(cause.into());
        self
    }

    /// Says what to do next.
    #[must_use]
    pub fn next(mut self, step: impl Into<String>) -> Self {
        self.next = Some(step.into());
        self
    }

    pub fn exit_code(&self) -> u8 {
        match self.blame {
            Blame::Platform => 1,
            Blame::Usage => 2,
            Blame::App => 3,
            Blame::Internal => 70,
        }
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)?;
        for cause in &self.causes {
            write!(f, ": {cause}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}
