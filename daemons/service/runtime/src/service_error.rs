//! Why a service ends the process.

/// Why a service, or one of its long-lived tasks, ends the process.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// A fenced transaction was refused: the lease is lost, and the process ends with 70.
    #[error("{0}")]
    Fenced(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Anything else.
    #[error("{error}")]
    Failed {
        /// The stable code.
        code: &'static str,
        /// What happened.
        #[source]
        error: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl ServiceError {
    /// A failure with the stable code of its own error.
    pub fn failed(
        code: &'static str,
        error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::Failed { code, error: error.into() }
    }

    /// The stable code for logs, metrics, journal and docs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Fenced(_) => "E-STORE-FENCED",
            Self::Failed { code, .. } => code,
        }
    }
}

impl From<store::StoreError> for ServiceError {
    fn from(error: store::StoreError) -> Self {
        if error.is_fenced() {
            Self::Fenced(Box::new(error))
        } else {
            Self::failed(error.code(), error)
        }
    }
}

impl From<crate::IdentityError> for ServiceError {
    fn from(error: crate::IdentityError) -> Self {
        Self::failed(error.code(), error)
    }
}

impl From<spool::SpoolError> for ServiceError {
    fn from(error: spool::SpoolError) -> Self {
        Self::failed(error.code(), error)
    }
}
