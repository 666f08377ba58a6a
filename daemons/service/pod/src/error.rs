//! Why something is not written on a pod.

use std::time::Duration;

/// Why something is not written on a pod.
#[derive(Debug, thiserror::Error)]
pub enum PodError {
    /// The process was told half of what it has to know about its pod.
    #[error("POD_NAME is set and {variable} {problem}; give it in the pod's template")]
    Environment {
        /// Which environment variable.
        variable: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The pod's ServiceAccount cannot be used.
    #[error("the pod's ServiceAccount cannot be used: {0}; is its token mounted?")]
    Account(String),
    /// The API server refused.
    #[error("the API server lets us not get and patch pod {pod}: {reason}; see the daemon's Role")]
    Denied {
        /// Which pod.
        pod: String,
        /// In the server's words.
        reason: String,
    },
    /// The API server did not do it.
    #[error("the API server did not answer for pod {pod} as hoped: {reason}")]
    Api {
        /// Which pod.
        pod: String,
        /// Why.
        reason: String,
    },
    /// The API server did not answer.
    #[error("the API server did not answer for pod {pod} within {limit:?}")]
    TimedOut {
        /// Which pod.
        pod: String,
        /// How long we waited.
        limit: Duration,
    },
    /// Our pod is gone, and another one has its name.
    #[error("pod {0} is another one now, so nothing is written on it; this process should be gone")]
    Replaced(String),
}

impl PodError {
    /// The stable code for logs, metrics and docs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Environment { .. } => "E-POD-ENVIRONMENT",
            Self::Account(_) => "E-POD-ACCOUNT",
            Self::Denied { .. } => "E-POD-DENIED",
            Self::Api { .. } => "E-POD-API",
            Self::TimedOut { .. } => "E-POD-TIMEOUT",
            Self::Replaced(_) => "E-POD-REPLACED",
        }
    }
}
