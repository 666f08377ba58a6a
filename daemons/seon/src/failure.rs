//! How a daemon's end is told.

use runtime::RunError;
use terminal::{Failure, ProgramError, escaped, manifests};

/// Why a daemon could not start, or had to end.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(crate) struct DaemonError(#[from] pub(crate) RunError);

impl ProgramError for DaemonError {
    fn code(&self) -> &'static str {
        self.0.code()
    }

    fn exit_code(&self) -> u8 {
        self.0.exit_code()
    }

    fn report(&self) -> String {
        match &self.0 {
            RunError::Configuration(error) => manifests(&error.lines()),
            // A text of its own, laid out over several lines.
            RunError::HeldByAnother(held) => format!("{held}\n"),
            error => format!("{} {}\n", error.code(), escaped(&error.to_string())),
        }
    }
}

impl From<DaemonError> for Failure {
    fn from(error: DaemonError) -> Self {
        Self::Program(Box::new(error))
    }
}

/// Why a pod cannot be told how its daemon stands.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(crate) struct PodError(#[from] pub(crate) pod::PodError);

impl ProgramError for PodError {
    fn code(&self) -> &'static str {
        self.0.code()
    }
}

impl From<PodError> for Failure {
    fn from(error: PodError) -> Self {
        Self::Program(Box::new(error))
    }
}
