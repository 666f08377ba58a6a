//! What can go wrong in the quick start.

use std::time::Duration;

use terminal::{Failure, ProgramError};

/// Why the quick start failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum QuickstartError {
    /// A file is missing or differs, a receipt did not come, or a check found an error.
    #[error("not everything went well; see above")]
    NotWell,
    /// No key or certificate.
    #[error("no certificate could be made for {company}: {reason}")]
    Certificate {
        /// For whom.
        company: &'static str,
        /// What the library said.
        reason: rcgen::Error,
    },
    /// No random numbers.
    #[error("the system gives no random numbers")]
    Random,
    /// A company's daemons did not come up.
    #[error("{company} was not ready within {} s; not active: {daemons}", limit.as_secs())]
    Start {
        /// Whose.
        company: &'static str,
        /// How long we waited.
        limit: Duration,
        /// Which.
        daemons: String,
    },
    /// Nothing moved any more.
    #[error("nothing moved for {} s; see the logs", .0.as_secs())]
    Standstill(Duration),
    /// A task broke.
    #[error("a task of this command broke: {0}; please report this")]
    Panicked(#[from] tokio::task::JoinError),
}

impl ProgramError for QuickstartError {
    fn code(&self) -> &'static str {
        match self {
            Self::NotWell => "E-QUICKSTART",
            Self::Certificate { .. } => "E-QUICKSTART-CERTIFICATE",
            Self::Random => "E-QUICKSTART-RANDOM",
            Self::Start { .. } => "E-QUICKSTART-START",
            Self::Standstill(_) => "E-QUICKSTART-STANDSTILL",
            Self::Panicked(_) => "E-TASK-PANICKED",
        }
    }
}

impl From<QuickstartError> for Failure {
    fn from(error: QuickstartError) -> Self {
        Self::Program(Box::new(error))
    }
}
