//! What went wrong while a sandbox was built: which step, and why.

use rustix::io::Errno;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{step}: {cause}")]
pub struct StepError {
    pub step: String,
    pub cause: String,
}

pub type Result<T> = std::result::Result<T, StepError>;

/// Names the step whose call returned `result`. The name is only made on failure.
pub fn at<T, E: Into<std::io::Error>, S: Into<String>>(
    result: std::result::Result<T, E>,
    step: impl FnOnce() -> S,
) -> Result<T> {
    result.map_err(|error| StepError { step: step().into(), cause: error.into().to_string() })
}

impl StepError {
    pub fn new(step: impl Into<String>, cause: impl Into<String>) -> Self {
        StepError { step: step.into(), cause: cause.into() }
    }
}

impl From<StepError> for crate::app::Failure {
    fn from(error: StepError) -> Self {
        crate::app::Failure::platform(error.to_string())
    }
}

/// True where the kernel or a lesser privilege does not offer something optional.
pub fn not_offered(error: Errno) -> bool {
    matches!(error, Errno::NOSYS | Errno::PERM | Errno::INVAL | Errno::OPNOTSUPP | Errno::NODEV)
}
